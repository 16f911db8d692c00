package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.sentry.protocol.DebugImage;
import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.elf.ElfFixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NativeFramesTest {
  private static final Instant RAN = Instant.ofEpochSecond(1_700_000_000);
  private static final String HANDLER =
      "*** backtrace of 1 ***\nuwsgi(uwsgi_backtrace+0x2f) [0x558be15d04df]\n"
          + "/lib/x86_64-linux-gnu/libc.so.6(+0x3c050) [0x7f62a32ae050]\n";

  @TempDir Path root;

  @Test
  void aFileThatIsWhatRanGivesNamesAndAnImage() throws IOException {
    library(new ElfFixture().buildId("deadbeef").function("sum", 0x1180, 0x40));
    NativeFrames frames = frames("/srv/fast.so(+0x1190) [0x7f62a04ce190]\n");
    assertThat(frames.frames())
        .extracting(SentryStackFrame::getFunction, SentryStackFrame::getSymbolAddr)
        .containsExactly(org.assertj.core.groups.Tuple.tuple("sum", "0x7f62a04ce180"));
    assertThat(frames.images())
        .extracting(DebugImage::getImageAddr, DebugImage::getCodeId)
        .containsExactly(org.assertj.core.groups.Tuple.tuple("0x7f62a04cd000", "deadbeef"));
    assertThat(frames.culprit()).isEqualTo("fast.so:sum");
  }

  @Test
  void whereOnlyNamesAreGivenTheTableOfSymbolsTellsWhereTheImageIs() throws IOException {
    library(new ElfFixture().buildId("deadbeef").function("sum", 0x1180, 0x40));
    assertThat(frames("/srv/fast.so(sum+0x10) [0x7f62a04ce190]\n").images())
        .extracting(DebugImage::getImageAddr)
        .containsExactly("0x7f62a04cd000");
  }

  @Test
  void aFileThatWasChangedSinceIsNotWhatRan() throws IOException {
    Path file = library(new ElfFixture().buildId("deadbeef").function("sum", 0x1180, 0x40));
    Files.setLastModifiedTime(file, FileTime.from(RAN.plusSeconds(1)));
    NativeFrames frames = frames("/srv/fast.so(+0x1190) [0x7f62a04ce190]\n");
    assertThat(frames.images()).isEmpty();
    assertThat(frames.frames().get(0).getFunction()).isNull();
    assertThat(frames.frames().get(0).getInstructionAddr()).isEqualTo("0x7f62a04ce190");
    assertThat(frames.culprit()).isEqualTo("fast.so+0x1190");
  }

  @Test
  void aFileThatDisagreesWithTheBacktraceIsNotWhatRan() throws IOException {
    library(new ElfFixture().buildId("deadbeef").function("sum", 0x2180, 0x40));
    NativeFrames frames =
        frames("/srv/fast.so(sum+0x10) [0x7f62a04ce190]\n/srv/fast.so(+0x1200) [0x7f62a04ce200]\n");
    assertThat(frames.images()).isEmpty();
    assertThat(frames.frames())
        .extracting(SentryStackFrame::getFunction)
        .containsExactly(null, "sum");
  }

  @Test
  void aReturnAddressBehindAFunctionsEndIsStillThatFunctions() throws IOException {
    library(
        new ElfFixture()
            .buildId("deadbeef")
            .function("calls_last", 0x1100, 0x80)
            .function("next", 0x1180, 0x40));
    NativeFrames frames =
        frames("/srv/fast.so(+0x1180) [0x7f62a04ce180]\n/srv/fast.so(+0x1180) [0x7f62a04ce180]\n");
    assertThat(frames.frames())
        .extracting(SentryStackFrame::getFunction)
        .containsExactly("calls_last", "next");
  }

  @Test
  void aProgramAtAFixedAddressNeedsNoOffsets() throws IOException {
    library(
        new ElfFixture().at(0x400000, 0x3000).buildId("deadbeef").function("sum", 0x401180, 0x40));
    NativeFrames frames = frames("/srv/fast.so() [0x401190]\n");
    assertThat(frames.frames().get(0).getFunction()).isEqualTo("sum");
    assertThat(frames.images()).extracting(DebugImage::getImageAddr).containsExactly("0x400000");
  }

  @Test
  void ofBinariesThatCannotBeReadTheFramesStay() throws IOException {
    new HostFixture(root).file("/srv/fast.so", "no library");
    NativeFrames frames =
        frames(
            "/srv/fast.so(+0x1190) [0x7f62a04ce190]\n/srv/none.so(f+0x1) [0x7f62b04ce190]\n"
                + "gone [0x1]\n[0x2]\n");
    assertThat(frames.frames()).hasSize(4);
    assertThat(frames.images()).isEmpty();
  }

  @Test
  void theLibrariesOfOthersAreNotTheApplications() {
    NativeFrames frames =
        frames(
            """
            /srv/app/fast.so(a+0x1) [0x7f0000001001]
            /srv/venv/lib/python3.11/site-packages/numpy/core.so(b+0x1) [0x7f0000011001]
            /opt/python/lib/libpython3.11.so.1.0(c+0x1) [0x7f0000021001]
            /usr/lib/uwsgi/plugins/python3_plugin.so(d+0x1) [0x7f0000031001]
            uwsgi(e+0x1) [0x7f0000041001]
            linux-vdso.so.1(f+0x1) [0x7f0000051001]
            """);
    assertThat(
            frames.frames().stream()
                .filter(SentryStackFrame::isInApp)
                .map(SentryStackFrame::getFunction))
        .containsExactly("a");
  }

  @Test
  void aFaultInTheCLibraryIsItsCallers() {
    NativeFrames frames =
        frames(
            """
            /lib/x86_64-linux-gnu/libc.so.6(+0x167ad8) [0x7f62a33d9ad8]
            /lib/x86_64-linux-gnu/libstdc++.so.6(x+0x8) [0x7f62b33d9ad8]
            /srv/app/fast.so(sum+0x1) [0x7f0000001001]
            """);
    assertThat(frames.culprit()).isEqualTo("fast.so:sum");
    assertThat(frames("/lib/x86_64-linux-gnu/libc.so.6(+0x167ad8) [0x7f62a33d9ad8]\n").culprit())
        .isEqualTo("libc.so.6+0x167ad8");
    assertThat(frames("").culprit()).isNull();
  }

  @Test
  void aFaultInTheLanguageIsTheLibrarysThatCalledIt() {
    NativeFrames frames =
        frames(
            """
            /lib/x86_64-linux-gnu/libc.so.6(+0x167ad8) [0x7f62a33d9ad8]
            /lib/x86_64-linux-gnu/libpython3.11.so.1.0(PyBytes_FromString+0x1a) [0x7f62b0709c63]
            /lib/x86_64-linux-gnu/libffi.so.8(+0x7e2e) [0x7f62c0709c63]
            /usr/lib/python3.11/lib-dynload/_ctypes.cpython-311-x86_64-linux-gnu.so(+0xb0) [0x7f62d00b0]
            /lib/x86_64-linux-gnu/libpython3.11.so.1.0(_PyEval_EvalFrameDefault+0x4a63) [0x7f62b0709d63]
            uwsgi(wsgi_req_recv+0xa0) [0x558be157ff70]
            """);
    assertThat(frames.library()).isEqualTo("_ctypes");
    assertThat(frames.culprit()).startsWith("_ctypes.cpython-311-x86_64-linux-gnu.so");
    assertThat(frames.frames().stream().filter(SentryStackFrame::isInApp))
        .as("what servers show under the title")
        .extracting(SentryStackFrame::getFilename)
        .containsExactly("_ctypes.cpython-311-x86_64-linux-gnu.so");
    assertThat(frames.frames())
        .extracting(SentryStackFrame::getFilename)
        .startsWith("uwsgi", "libpython3.11.so.1.0", "_ctypes.cpython-311-x86_64-linux-gnu.so");
  }

  @Test
  void aFaultInTheLanguageIsNotTheLibrarysThatRanTheCode() {
    NativeFrames frames =
        frames(
            """
            /lib/x86_64-linux-gnu/libpython3.11.so.1.0(PyObject_Repr+0x1a) [0x7f62b0709c63]
            /lib/x86_64-linux-gnu/libpython3.11.so.1.0(_PyEval_EvalFrameDefault+0x4a63) [0x7f62b0709d63]
            /srv/app/runner.abi3.so(run+0x1) [0x7f0000001001]
            """);
    assertThat(frames.library()).isEqualTo("libpython3.11");
    assertThat(frames.culprit()).isEqualTo("libpython3.11.so.1.0:PyObject_Repr");
  }

  @ParameterizedTest
  @CsvSource({
    "/srv/app/fast.abi3.so,fast",
    "/usr/lib/libxml2.so.2.9.14,libxml2",
    "/opt/x/libfoo-1.2.so,libfoo-1.2",
    "uwsgi,uwsgi"
  })
  void aLibraryIsCalledAsPeopleCallIt(String binary, String name) {
    assertThat(frames(binary + "(f+0x1) [0x7f0000001001]\n").library()).isEqualTo(name);
  }

  private NativeFrames frames(String lines) {
    return new NativeFrames(
        NativeBacktrace.parse(HANDLER + lines), new HostFixture(root).machine(), RAN);
  }

  private Path library(ElfFixture elf) throws IOException {
    new HostFixture(root).file("/srv/fast.so", elf.bytes());
    return root.resolve("srv/fast.so");
  }

  @Test
  void linesOfNoBinaryAreNoFrames() {
    assertThat(List.of(frames("x\n\n(((\n").frames())).containsExactly(List.of());
  }
}
