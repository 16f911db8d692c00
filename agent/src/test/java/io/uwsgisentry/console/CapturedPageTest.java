package io.uwsgisentry.console;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/**
 * The examples in docs/captured.md are what the page shows of the golden events. {@code
 * -Dgolden=write} writes them anew.
 */
class CapturedPageTest {
  private static final Path PAGE = Path.of("../docs/captured.md");
  private static final Pattern EXAMPLE =
      Pattern.compile("<!-- example (\\w+) -->\n(?:```\n(?:(?!```).*\n)*```\n)?");

  private static final Path CAPTURED_EVENTS = Path.of("../it/src/test/resources/captured");
  private static final Pattern CAPTURED =
      Pattern.compile("<!-- captured (\\w+) -->\n(?:```\n(?:(?!```).*\n)*```\n)?");

  /** Told once, by the first example. */
  private static final Set<String> SHORTER =
      Set.of("Request", "Log before it", "Tags", "Contexts", "Debug_meta");

  @Test
  void everyExampleIsWhatIsShown() throws IOException {
    String page = Files.readString(PAGE);
    List<String> names = new ArrayList<>();
    Matcher example = EXAMPLE.matcher(page);
    StringBuilder fresh = new StringBuilder();
    while (example.find()) {
      String name = example.group(1);
      example.appendReplacement(
          fresh,
          Matcher.quoteReplacement(
              "<!-- example " + name + " -->\n```\n" + shown(name, names.isEmpty()) + "```\n"));
      names.add(name);
    }
    example.appendTail(fresh);
    assertThat(names).hasSizeGreaterThan(7);
    if ("write".equals(System.getProperty("golden"))) {
      Files.writeString(PAGE, fresh);
    }
    assertThat(Files.readString(PAGE)).isEqualTo(fresh.toString());
  }

  private static String shown(String name, boolean whole) throws IOException {
    Map<?, ?> golden =
        (Map<?, ?>)
            Json.parse(Files.readString(Path.of("src/test/resources/event", name + ".json")));
    return shown(golden.get("payload"), String.valueOf(golden.get("title")), whole);
  }

  /** An event that a real server gave, which its test in {@code it} holds to this file. */
  @Test
  void everyCapturedExampleIsWhatATestFound() throws IOException {
    String page = Files.readString(PAGE);
    Matcher example = CAPTURED.matcher(page);
    StringBuilder fresh = new StringBuilder();
    int examples = 0;
    while (example.find()) {
      Path golden = CAPTURED_EVENTS.resolve(example.group(1) + ".json");
      Object event =
          Json.parse(
              Files.readString(golden)
                  .replaceAll("<(?:apps|dir)>", "/srv/shop")
                  .replace("<server_name>", "web1"));
      example.appendReplacement(
          fresh,
          Matcher.quoteReplacement(
              "<!-- captured "
                  + example.group(1)
                  + " -->\n```\n"
                  + shown(event, title(event), false)
                  + "```\n"));
      examples++;
    }
    example.appendTail(fresh);
    assertThat(examples).isGreaterThan(3);
    if ("write".equals(System.getProperty("golden"))) {
      Files.writeString(PAGE, fresh);
    }
    assertThat(Files.readString(PAGE)).isEqualTo(fresh.toString());
  }

  private static String title(Object event) {
    Map<?, ?> exception = (Map<?, ?>) ((Map<?, ?>) event).get("exception");
    List<?> values = (List<?>) exception.get("values");
    Map<?, ?> last = (Map<?, ?>) values.get(values.size() - 1);
    return last.get("type") + ": " + last.get("value");
  }

  private static String shown(Object event, String title, boolean whole) {
    String payload = Json.write(event);
    String text = EventPage.text(Sample.with(Sample.local(), payload), Sample.ZONE);
    StringBuilder kept = new StringBuilder();
    kept.append(title).append('\n');
    // The title of the sample and the table of what became of it come first.
    String[] sections = text.split("\n\n");
    for (int i = 2; i < sections.length; i++) {
      String heading = sections[i].lines().findFirst().orElse("");
      if (whole || !SHORTER.contains(heading)) {
        kept.append('\n').append(sections[i].stripTrailing()).append('\n');
      }
    }
    return kept.toString();
  }
}
