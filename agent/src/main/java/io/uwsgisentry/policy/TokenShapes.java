package io.uwsgisentry.policy;

import java.util.regex.Pattern;

/**
 * Secrets that are known by their own form, whatever stands before them: tokens that say whose they
 * are, and JSON web tokens. Only forms that nothing else has.
 */
final class TokenShapes {
  // Nothing starts within a word, and each run of word characters is passed over at once, so that
  // the time is in proportion to the text.
  private static final Pattern SHAPES =
      Pattern.compile(
          "(?<![\\w-])(?:gh[opsur]_[A-Za-z0-9]{30,}+"
              + "|github_pat_\\w{40,}+"
              + "|glpat-[\\w-]{20,}+"
              + "|[rs]k_(?:live|test)_[A-Za-z0-9]{10,}+"
              + "|xox[abeoprs]-[\\w-]{10,}+"
              + "|eyJ[\\w-]{10,}+\\.eyJ[\\w-]{10,}+(?:\\.[\\w-]*+)?+)");

  private TokenShapes() {}

  static String filtered(String text) {
    return has(text) ? SHAPES.matcher(text).replaceAll("[Filtered]") : text;
  }

  private static boolean has(String text) {
    return text.contains("eyJ")
        || text.contains("gh")
        || text.contains("k_live_")
        || text.contains("k_test_")
        || text.contains("xox")
        || text.contains("glpat-");
  }
}
