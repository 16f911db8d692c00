package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is not reported: a client's fault, and what a rule names. */
class IgnoredTest {
  private static String why(Record record) {
    return Built.FACTORY.ignored(record, HandlerSettings.of(record));
  }

  private static RecordFixture raised(String relation, String type, String value) {
    return RecordFixture.captured(Kind.EXCEPTION, "exceptions")
        .with("exception.plugin", "python")
        .parts("python.exception", relation, "builtins", type, value);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "error during read(-1) on wsgi.input",
        "timeout during read(1000) on wsgi.input",
        "error during readline(0) on wsgi.input",
        "unable to receive chunked part",
        "unable to receive websocket message",
        "unable to send websocket binary message"
      })
  void anExceptionThatOnlyUwsgiRaises(String said) {
    assertThat(why(raised("", "OSError", said).record())).contains("client");
    assertThat(why(raised("", "OSError", said).defaults("clients", "1").record()))
        .as("asked for")
        .isNull();
    assertThat(why(raised("", "OSError", said + "!").record())).isNull();
  }

  @Test
  void aWriteThatFailed() {
    RecordFixture written = raised("", "OSError", "write error");
    assertThat(why(written.record())).as("the application's own").isNull();
    assertThat(why(written.pairs("client", "write_errors", "1").record())).contains("client");
  }

  @ParameterizedTest
  @CsvSource({
    "UnreadablePostError, error during read(9) on wsgi.input, __context__, true",
    "ClientDisconnected, 400 Bad Request, __context__, true",
    "ParseError, no JSON, __cause__, true",
    "NameError, name 'x' is not defined, __context__, false",
  })
  void oneThatAFrameworkMadeOfIt(String type, String said, String relation, boolean ignored) {
    RecordFixture record =
        raised("", type, said)
            .parts(
                "python.exception",
                relation,
                "builtins",
                "OSError",
                "error during read(9) on wsgi.input")
            .pairs("client", "read_errors", "1");
    assertThat(why(record.record()) != null).isEqualTo(ignored);
  }

  @Test
  void aWebsocketThatItsClientLeft() {
    assertThat(
            why(
                RecordFixture.captured(Kind.EXCEPTION, "exceptions")
                    .with("exception.plugin", "rack")
                    .with("exception.type", "RuntimeError")
                    .with("exception.value", "unable to receive websocket message")
                    .record()))
        .as("of Ruby")
        .contains("client");
  }

  @Test
  void aRequestThatWasSlowForItsClientOrFailedToReadFromIt() {
    assertThat(why(RecordFixture.of(Kind.SLOW).pairs("client", "slow", "1").record()))
        .contains("client");
    assertThat(why(RecordFixture.of(Kind.SLOW).pairs("client", "waited", "900000").record()))
        .isNull();
    assertThat(why(RecordFixture.of(Kind.FAILED).pairs("client", "read_errors", "1").record()))
        .contains("client");
    assertThat(why(RecordFixture.of(Kind.FAILED).pairs("client", "write_errors", "1").record()))
        .as("it had failed before")
        .isNull();
  }

  @Test
  void aRuleIsHeldAgainstWhatTitlesShow() {
    String rules = "shop.NotNow\nSIGABRT: mule*\n*: queue is *";
    assertThat(
            why(
                RecordFixture.captured(Kind.DEATH, "daemons")
                    .from(io.uwsgisentry.journal.ProcessKind.MULE, 1, -1)
                    .pairs("death", "signal", "6", "name", "mule.py")
                    .defaults("ignore", rules)
                    .record()))
        .isEqualTo("SIGABRT: mule*");
    assertThat(why(RecordFixture.alarm("queue is 17", "").defaults("ignore", rules).record()))
        .isEqualTo("*: queue is *");
    assertThat(why(raised("", "ValueError", "x").defaults("ignore", rules).record())).isNull();
    assertThat(
            why(
                raised("", "ValueError", "x")
                    .with("options", "exception_type=NotNow")
                    .defaults("ignore", rules)
                    .record()))
        .isNull();
  }

  @Test
  void aRuleWithAFaultIgnoresNothingAndIsTold() {
    Record record = raised("", "ValueError", "x").defaults("ignore", "*\nA, B: x\nOther").record();
    assertThat(why(record)).isNull();
    assertThat(HandlerSettings.of(record).ignoreFaults())
        .hasSize(2)
        .allSatisfy(fault -> assertThat(fault).contains("it ignores nothing"));
  }
}
