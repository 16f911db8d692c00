package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The words of {@code sentry-capture} are the same in the plugin, in the agent and in the pages.
 */
class CaptureTest {
  private static final Path PLUGIN = Path.of("../native/server/capture_option.c");

  @Test
  void thePluginKnowsTheSameWords() throws IOException {
    assertThat(inPlugin("sentry_capture_name\\[SENTRY_CAPTURES\\] = \\{(.*)\\}", "\"(\\w+)\""))
        .containsExactlyInAnyOrderElementsOf(Capture.words());
  }

  @Test
  void thePluginsMessageNamesThemAll() throws IOException {
    assertThat(inPlugin("is none of: (.*), all, none\"", "(\\w+)"))
        .containsExactlyInAnyOrderElementsOf(Capture.words());
  }

  @Test
  void thePluginLeavesTheSameOnesOutOfAll() throws IOException {
    assertThat(inPlugin("const unsigned all = (.*);", "~\\(1u << SENTRY_CAPTURE_(\\w+)\\)"))
        .map(String::toLowerCase)
        .containsExactlyInAnyOrderElementsOf(
            Stream.of(Capture.values())
                .filter(word -> !Capture.usual().contains(word))
                .map(Capture::word)
                .toList());
  }

  @Test
  void theOptionsMeaningNamesThemAll() {
    assertThat(found(InstanceOption.CAPTURE.meaning(), "`(\\w+)`"))
        .containsAll(Capture.words())
        .contains("all", "none");
  }

  private static List<String> inPlugin(String line, String word) throws IOException {
    List<String> lines = found(Files.readString(PLUGIN), line);
    assertThat(lines).as(line).hasSize(1);
    return found(lines.get(0), word);
  }

  private static List<String> found(String text, String expression) {
    return Pattern.compile(expression).matcher(text).results().map(CaptureTest::group).toList();
  }

  private static String group(MatchResult result) {
    return result.group(1);
  }
}
