package io.uwsgisentry.settings;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class KeyValueListTest {
  private static final List<String> KEYS = List.of("a", "b", "", " a", "ab");

  @ParameterizedTest(name = "{0}")
  @MethodSource("whatUwsgiDoes")
  void everyStringMeansWhatItMeansToUwsgi(String text, List<String> expected) {
    KeyValueList list = KeyValueList.parse(text);
    List<String> found = new ArrayList<>();
    for (String key : KEYS) {
      String value = list.get(key);
      found.add(value == null ? "<none>" : value);
    }
    assertThat(found).isEqualTo(expected);
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("howUwsgiSplits")
  void partsAreSplitAsUwsgiSplitsQuotedText(String text, List<String> expected) {
    assertThat(QuotedList.split(text)).isEqualTo(expected);
  }

  @Test
  void newlinesAndOtherControlCharactersArePlain() {
    KeyValueList list = KeyValueList.parse("message=one\ntwo\tthree\u0001,level=info");
    assertThat(list.get("message")).isEqualTo("one\ntwo\tthree\u0001");
    assertThat(list.get("level")).isEqualTo("info");
  }

  @Test
  void entriesKeepTheirOrderAndWhatWasIgnoredIsTold() {
    KeyValueList list = KeyValueList.parse("b=2,no_verify,a=1,,b=3");
    assertThat(list.entries())
        .containsExactly(
            new KeyValueList.Entry("b", "2"),
            new KeyValueList.Entry("a", "1"),
            new KeyValueList.Entry("b", "3"));
    assertThat(list.ignored()).containsExactly("no_verify");
  }

  @Test
  void aPartIsCutAtItsFirstColonAndTheLastOfEqualKeysCounts() {
    List<String> odd = new ArrayList<>();
    assertThat(QuotedList.pairs("a:1;b:2:3;\"c;d\":\"e;f\";a:4;lost;:x;;g:", odd::add))
        .containsExactlyInAnyOrderEntriesOf(
            java.util.Map.of("a", "4", "b", "2:3", "c;d", "e;f", "g", ""));
    assertThat(odd).containsExactly("lost", ":x");
  }

  static Stream<Arguments> whatUwsgiDoes() throws IOException {
    return lines("kvlist.tsv")
        .map(cells -> Arguments.of(bare(cells[0]), List.of(cells).subList(1, cells.length)));
  }

  static Stream<Arguments> howUwsgiSplits() throws IOException {
    return lines("quoted.tsv")
        .map(
            cells ->
                Arguments.of(
                    bare(cells[0]), Stream.of(cells).skip(1).map(KeyValueListTest::bare).toList()));
  }

  private static Stream<String[]> lines(String file) throws IOException {
    List<String> lines =
        Files.readAllLines(Path.of("src/test/resources/settings", file), StandardCharsets.UTF_8);
    return lines.stream().filter(l -> !l.startsWith("#")).map(l -> l.split("\t", -1));
  }

  private static String bare(String cell) {
    return cell.substring(1, cell.length() - 1);
  }
}
