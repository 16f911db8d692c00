package io.uwsgisentry.redaction;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Tokens, numbers, links, connection strings, bodies and commands as they are met ({@code
 * secrets.txt}), and what only looks like them ({@code innocent.txt}).
 */
class SecretTableTest {
  private static final Pattern MARKED = Pattern.compile("«([^»]+)»");

  private final Scrubber scrubber = new Scrubber();

  static Stream<String> secrets() {
    return Written.lines("secrets.txt").map(line -> line.replace('⏎', '\n').replace('␍', '\r'));
  }

  static Stream<String> innocent() {
    return Written.lines("innocent.txt");
  }

  @ParameterizedTest
  @MethodSource("secrets")
  void whatIsMarkedIsFilteredHoweverItIsEncoded(String marked) {
    String text = MARKED.matcher(marked).replaceAll("$1");
    List<String> secrets = MARKED.matcher(marked).results().map(found -> found.group(1)).toList();
    assertThat(secrets).isNotEmpty();
    isFiltered(text, secrets);
    for (String written : Written.encoded(text)) {
      isFiltered(written, secrets);
      isFiltered(written, secrets.stream().map(secret -> Written.encoded(secret, "")).toList());
    }
  }

  private void isFiltered(String text, List<String> secrets) {
    String filtered = scrubber.text(text);
    assertThat(filtered).as(text).contains("[Filtered]");
    for (String secret : secrets) {
      assertThat(filtered).as(text).doesNotContain(secret);
    }
    assertThat(scrubber.text(filtered)).as("a second time").isEqualTo(filtered);
  }

  @ParameterizedTest
  @MethodSource("innocent")
  void whatOnlyLooksLikeASecretStays(String text) {
    assertThat(scrubber.text(text)).isEqualTo(text);
    String encoded = Written.encoded(text, "/");
    assertThat(scrubber.text(encoded)).isEqualTo(encoded);
  }

  @Test
  void aTokenWithinALongerWordIsNone() {
    secrets()
        .limit(80)
        .forEach(
            marked -> {
              Matcher secret = Pattern.compile("[\\w$-]*«[\\w-]+»").matcher(marked);
              if (secret.find() && Character.isLetterOrDigit(secret.group().charAt(0))) {
                String word = "x" + secret.group().replaceAll("[«»]", "");
                assertThat(TokenFormats.filtered(word)).isEqualTo(word);
              }
            });
  }

  @Test
  void eachFormatSaysWhereItIsFrom() {
    assertThat(TokenFormats.all()).hasSizeGreaterThan(150);
    assertThat(TokenFormats.all())
        .allSatisfy(
            format -> {
              assertThat(format.source()).isNotBlank();
              assertThat(format.date()).matches("\\d{4}-\\d{2}(-\\d{2})?|-");
            });
  }
}
