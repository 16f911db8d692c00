package io.uwsgisentry;

import static java.util.stream.Collectors.toCollection;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What a page names is there: tests and their methods, files of this repository, other pages and
 * their headings. Without such a check a page outlives the code that it describes.
 */
class DocumentationTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern CODE_BLOCK = Pattern.compile("(?ms)^ *```.*?^ *```");
  private static final Pattern TEST =
      Pattern.compile("\\b([A-Z][A-Za-z0-9]*(?:Test|Fuzz))(?:[.#]([a-z]\\w*))?\\b");
  private static final Pattern QUOTED_FILE =
      Pattern.compile(
          "`((?:agent|it|testkit|native|docs|proof|packaging|testdata|bench|demo)/[\\w./@-]+)`");
  private static final Pattern QUOTED_SOURCE = Pattern.compile("`(\\w+\\.(?:c|h|py|sh))`");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern HEADING = Pattern.compile("(?m)^#+ (.*)$");

  private static List<Path> pages() throws IOException {
    List<Path> pages = new ArrayList<>();
    for (String folder : new String[] {".", "docs", "proof", "packaging"}) {
      try (Stream<Path> files = Files.list(ROOT.resolve(folder))) {
        files.filter(file -> file.toString().endsWith(".md")).sorted().forEach(pages::add);
      }
    }
    return pages;
  }

  /** The page without its examples, which quote what an application of the tests has. */
  private static String prose(Path page) throws IOException {
    return CODE_BLOCK.matcher(Files.readString(page)).replaceAll("");
  }

  /** By name; two of one name, of `agent` and of `it`, count as one. */
  private static Map<String, String> tests() throws IOException {
    Map<String, String> tests = new HashMap<>();
    for (String module : new String[] {"agent", "it", "testkit"}) {
      Path root = ROOT.resolve(module).resolve("src/test/java");
      if (!Files.isDirectory(root)) {
        continue;
      }
      try (Stream<Path> files = Files.walk(root)) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          tests.merge(
              file.getFileName().toString().replace(".java", ""),
              Files.readString(file),
              String::concat);
        }
      }
    }
    return tests;
  }

  @Test
  void everyTestThatAPageNamesExists() throws IOException {
    Map<String, String> tests = tests();
    List<String> missing = new ArrayList<>();
    Map<String, Integer> named = new HashMap<>();
    for (Path page : pages()) {
      Matcher test = TEST.matcher(prose(page));
      while (test.find()) {
        String source = tests.get(test.group(1));
        String method = test.group(2);
        named.merge(page.getFileName().toString(), 1, Integer::sum);
        if (source == null) {
          missing.add(page + ": " + test.group());
        } else if (source != null
            && method != null
            && !method.equals("java")
            && !source.contains(" " + method + "(")) {
          missing.add(page + ": " + test.group());
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(named.get("assurance.md")).isGreaterThan(100);
  }

  @Test
  void everyFileThatAPageNamesExists() throws IOException {
    List<String> missing = new ArrayList<>();
    int found = 0;
    for (Path page : pages()) {
      Matcher file = QUOTED_FILE.matcher(prose(page));
      while (file.find()) {
        found++;
        if (!Files.exists(ROOT.resolve(file.group(1)))) {
          missing.add(page + ": " + file.group(1));
        }
      }
    }
    assertThat(missing).isEmpty();
    assertThat(found).isGreaterThan(50);
  }

  /** A source file that stands there without its folder, of the plugin or of the proof. */
  @Test
  void everySourceThatAPageNamesExists() throws IOException {
    Set<String> sources = new TreeSet<>();
    for (String folder : new String[] {"native", "proof"}) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(folder))) {
        files.forEach(file -> sources.add(file.getFileName().toString()));
      }
    }
    List<String> missing = new ArrayList<>();
    for (Path page : pages()) {
      Matcher source = QUOTED_SOURCE.matcher(prose(page));
      while (source.find()) {
        if (!sources.contains(source.group(1)) && !Files.exists(ROOT.resolve(source.group(1)))) {
          missing.add(page + ": " + source.group(1));
        }
      }
    }
    assertThat(missing).isEmpty();
  }

  @Test
  void everyFolderAndFileOfThePluginHasItsRow() throws IOException {
    Matcher layers =
        Pattern.compile("(?m)^LAYERS = (.*)$")
            .matcher(Files.readString(ROOT.resolve("native/Makefile")));
    assertThat(layers.find()).isTrue();
    List<String> folders = List.of(layers.group(1).split(" "));
    String architecture = Files.readString(ROOT.resolve("docs/architecture.md"));
    String table = architecture.substring(architecture.indexOf("| folder | its one job |"));
    assertThat(
            table
                .lines()
                .takeWhile(line -> line.startsWith("|"))
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.substring(3, line.indexOf('`', 3))))
        .containsExactlyElementsOf(folders);
    String files = Files.readString(ROOT.resolve("docs/inside-uwsgi.md"));
    for (String folder : folders) {
      assertThat(files).contains("**`native/" + folder + "`**");
      try (Stream<Path> sources = Files.list(ROOT.resolve("native").resolve(folder))) {
        assertThat(sources.map(file -> file.getFileName().toString()).toList())
            .filteredOn(name -> name.endsWith(".c") || name.endsWith(".sh"))
            .allMatch(name -> files.contains("`" + name + "`"));
      }
    }
  }

  @Test
  void everyLinkLeadsToAPageAndItsHeading() throws IOException {
    List<String> broken = new ArrayList<>();
    for (Path page : pages()) {
      Matcher link = LINK.matcher(prose(page));
      while (link.find()) {
        String target = link.group(1);
        if (target.contains(":")) {
          continue;
        }
        String[] parts = target.split("#", 2);
        Path file = parts[0].isEmpty() ? page : page.resolveSibling(parts[0]).normalize();
        if (!Files.exists(file)
            || (parts.length == 2 && !anchors(Files.readString(file)).contains(parts[1]))) {
          broken.add(page + ": " + target);
        }
      }
    }
    assertThat(broken).isEmpty();
  }

  /** As code hosts make them: small letters, blanks as hyphens, no other signs. */
  private static Set<String> anchors(String page) {
    return HEADING
        .matcher(CODE_BLOCK.matcher(page).replaceAll(""))
        .results()
        .map(heading -> heading.group(1).toLowerCase(java.util.Locale.ROOT))
        .map(heading -> heading.replaceAll("[^\\p{L}\\p{N} _-]", "").replace(' ', '-'))
        .collect(toCollection(TreeSet::new));
  }
}
