package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.uwsgisentry.journal.Kind;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class PythonExceptionTest {
  private static RecordFixture record() {
    return RecordFixture.captured(Kind.EXCEPTION, "exceptions");
  }

  @Test
  void framesAndVariablesAreOfWhatStandsBeforeThem() {
    List<PythonException> chain =
        PythonException.chain(
            record()
                .parts("python.exception", "", "shop", "OutOfStock", "none\0left")
                .parts("python.frame", "/a.py", "1", "outer", "a")
                .parts("python.local", "x", "1")
                .parts("python.local", "y", "'\0'")
                .parts("python.frame", "/b.py", "2", "inner", "b")
                .parts("python.exception", "__cause__", "builtins", "KeyError", "'x'")
                .parts("python.frame", "/c.py", "3", "look_up", "c")
                .parts("python.local", "z", "2")
                .record());
    assertThat(chain).extracting(PythonException::type).containsExactly("OutOfStock", "KeyError");
    assertThat(chain.get(0).value()).isEqualTo("none\0left");
    assertThat(chain.get(0).frames())
        .extracting(PythonException.Frame::function)
        .containsExactly("outer", "inner");
    assertThat(chain.get(0).frames().get(0).locals())
        .containsEntry("x", "1")
        .containsEntry("y", "'\0'");
    assertThat(chain.get(0).frames().get(1).locals()).isEmpty();
    assertThat(chain.get(1).frames().get(0).locals()).containsOnlyKeys("z");
  }

  @Test
  void membersOfAGroupNameTheGroupAndNotesFollowTheText() {
    List<PythonException> tree =
        PythonException.chain(
            record()
                .parts("python.exception", "", "builtins", "ExceptionGroup", "two failed")
                .parts("python.note", "while closing")
                .parts("python.exception", "__context__", "builtins", "OSError", "gone")
                .parts("python.exception", "exceptions[0]", "builtins", "KeyError", "'x'")
                .parts("python.parent", "0")
                .parts("python.exception", "__cause__", "builtins", "ValueError", "y")
                .parts("python.exception", "exceptions[1]", "builtins", "TypeError", "z")
                .parts("python.parent", "0")
                .parts("python.exception", "exceptions[2]", "builtins", "EOFError", "z")
                .parts("python.parent", "17")
                .record());
    assertThat(tree).extracting(PythonException::parent).containsExactly(-1, 0, 0, 2, 0, 4);
    assertThat(tree.get(0).notes()).containsExactly("while closing");
  }

  @Test
  void whatStandsBeforeNothingIsPassedOver() {
    assertThat(
            PythonException.chain(record().parts("python.frame", "/a.py", "1", "f", "a").record()))
        .isEmpty();
    List<PythonException> chain =
        PythonException.chain(
            record()
                .parts("python.local", "x", "1")
                .parts("python.exception", "")
                .parts("python.local", "x", "1")
                .parts("python.frame", "")
                .parts("python.local", "")
                .parts("python.frame", "/a.py", "99999999999", "f")
                .record());
    assertThat(chain).hasSize(1);
    assertThat(chain.get(0).frames())
        .extracting(PythonException.Frame::line)
        .containsExactly(-1, -1);
  }

  @Test
  void anEndlessChainEnds() {
    RecordFixture endless = record();
    for (int i = 0; i < 50_000; i++) {
      endless.parts("python.exception", "__context__", "m", "T" + i, "v");
    }
    assertTimeoutPreemptively(
        Duration.ofSeconds(60),
        () -> assertThat(PythonException.chain(endless.record())).hasSize(50));
  }
}
