package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.uwsgisentry.event.NativeBacktrace.Line;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NativeBacktraceTest {
  private static final String HANDLER =
      """
      *** backtrace of 13708 ***
      uwsgi(uwsgi_backtrace+0x2f) [0x558be15d04df]
      uwsgi(uwsgi_segfault+0x23) [0x558be15d08f3]
      """;
  private static final String STEP = "/lib/x86_64-linux-gnu/libc.so.6(+0x3c050) [0x7f62a32ae050]\n";
  private static final String FAULT = "/srv/app/fast.so(sum+0x1f) [0x7f62a04cd197]\n";
  private static final String REST =
      "uwsgi(_start+0x21) [0x558be157f641]\n*** end of backtrace ***\n";

  @Test
  void everyFormOfALineIsRead() {
    assertThat(
            NativeBacktrace.parse(
                    """
                    *** backtrace of 13708 ***
                    uwsgi(uwsgi_backtrace+0x2f) [0x558be15d04df]
                    /srv/a (b)/x.so(+0xe197)[0x7f62a04cd197]
                    /srv/y.so() [0x401000]
                    /srv/z.so [0x401001]
                    [0xffffffffffff0000]
                    /srv/cpp.so(_ZN3fooIiEC1Ev+0x10) [0x7f0000000010]
                    *** end of backtrace ***
                    """)
                .lines())
        .containsExactly(
            new Line("uwsgi", "uwsgi_backtrace", 0x2f, 0x558be15d04dfL),
            new Line("/srv/a (b)/x.so", null, 0xe197, 0x7f62a04cd197L),
            new Line("/srv/y.so", null, -1, 0x401000),
            new Line("/srv/z.so", null, -1, 0x401001),
            new Line("", null, -1, 0xffffffffffff0000L),
            new Line("/srv/cpp.so", "_ZN3fooIiEC1Ev", 0x10, 0x7f0000000010L));
  }

  @Test
  void theHandlerAndTheStepIntoItAreLeftOut() {
    NativeBacktrace backtrace = NativeBacktrace.parse(HANDLER + STEP + FAULT + REST);
    assertThat(symbols(backtrace)).containsExactly("sum", "_start");
    assertThat(backtrace.pid()).isEqualTo(13708);
    assertThat(backtrace.signal()).isEqualTo(Signal.SEGV);
    assertThat(NativeBacktrace.parse(HANDLER.replace("segfault", "fpe") + STEP + FAULT).signal())
        .isEqualTo(Signal.FPE);
  }

  @Test
  void aHandlerThatRaisedTheSignalAgainIsLeftOutToo() {
    String faulthandler =
        "/lib/x86_64-linux-gnu/libc.so.6(+0x8aeec) [0x7f62a32feeec]\n"
            + "/lib/x86_64-linux-gnu/libc.so.6(gsignal+0x12) [0x7f62a32adfb2]\n"
            + "/lib/x86_64-linux-gnu/libpython3.11.so.1.0(+0x2ab0c1) [0x7f62a08d50c1]\n";
    NativeBacktrace backtrace =
        NativeBacktrace.parse(HANDLER + STEP + faulthandler + STEP + FAULT + REST);
    assertThat(symbols(backtrace)).containsExactly("sum", "_start");
  }

  @Test
  void aFaultInTheCLibraryItselfStays() {
    NativeBacktrace backtrace =
        NativeBacktrace.parse(
            HANDLER
                + STEP
                + "/lib/x86_64-linux-gnu/libc.so.6(+0x167ad8) [0x7f62a33d9ad8]\n"
                + REST);
    assertThat(backtrace.fromFault().get(0).address()).isEqualTo(0x7f62a33d9ad8L);
  }

  @Test
  void withoutNamesTheFirstLinesAreTheHandlersAllTheSame() {
    String stripped = HANDLER.replace("uwsgi_backtrace", "").replace("uwsgi_segfault", "");
    NativeBacktrace backtrace = NativeBacktrace.parse(stripped + STEP + FAULT + REST);
    assertThat(symbols(backtrace)).containsExactly("sum", "_start");
    assertThat(backtrace.signal()).isNull();
  }

  @Test
  void onOtherProcessorsTheKernelsOwnPageIsTheStep() {
    String step = "linux-vdso.so.1(__kernel_rt_sigreturn+0x0) [0xffff8c7b27ec]\n";
    assertThat(symbols(NativeBacktrace.parse(HANDLER + step + FAULT + REST)))
        .containsExactly("sum", "_start");
  }

  @Test
  void withoutAStepNothingBehindTheHandlerIsLost() {
    assertThat(symbols(NativeBacktrace.parse(HANDLER + FAULT + REST)))
        .containsExactly("sum", "_start");
    assertThat(symbols(NativeBacktrace.parse("*** backtrace of 1 ***\n" + FAULT + REST + STEP)))
        .containsExactly("sum", "_start", null);
  }

  @Test
  void aWorkerThatWasOnlyAskedWhereItIsDidNotCrash() {
    assertThat(NativeBacktrace.isOfCrash(HANDLER + STEP + FAULT)).isTrue();
    assertThat(NativeBacktrace.isOfCrash(HANDLER.replace("uwsgi_segfault", "what_i_am_doing")))
        .isFalse();
    assertThat(NativeBacktrace.isOfCrash("a text with *** backtrace of 1 ***")).isFalse();
    assertThat(NativeBacktrace.isOfCrash(null)).isFalse();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "*** backtrace of ",
        "*** backtrace of 99999999999999999999999 ***",
        "x(y+0xzz) [0x1]",
        "x(+0x11111111111111111) [0x1]",
        "x(+0x1) [0x11111111111111111]",
        "x(+0x1) [0x]",
        ") [0x1]",
        "( [0x1]",
        "[0x1",
        "0x1]"
      })
  void nonsenseIsPassedOver(String text) {
    NativeBacktrace.parse(text).fromFault();
  }

  @Test
  void aTextThatEndsAnywhereGivesWhatIsWhole() {
    String text = HANDLER + STEP + FAULT + REST;
    for (int end = 0; end <= text.length(); end++) {
      assertThat(NativeBacktrace.parse(text.substring(0, end)).fromFault().size())
          .isLessThanOrEqualTo(3);
    }
  }

  @Test
  void noTextTakesLong() {
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> {
          assertThat(NativeBacktrace.parse(FAULT.repeat(30_000)).lines()).hasSize(250);
          NativeBacktrace.parse("(".repeat(1_000_000) + ") [0x1]");
          NativeBacktrace.parse("[0x".repeat(300_000) + "]");
          NativeBacktrace.parse(("(+0x".repeat(1000) + ") [0x1]\n").repeat(250));
        });
  }

  private static List<String> symbols(NativeBacktrace backtrace) {
    return backtrace.fromFault().stream().map(Line::symbol).toList();
  }
}
