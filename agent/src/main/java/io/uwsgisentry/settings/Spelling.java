package io.uwsgisentry.settings;

import java.util.Collection;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Finds what a mistyped name was meant to be. */
public final class Spelling {
  private Spelling() {}

  /**
   * The candidate nearest to a name, or null where none is near. Case, blanks, and {@code -} for
   * {@code _} cost nothing; two mistakes are allowed, up to a third of the letters in longer names;
   * the beginning of a candidate stands for it.
   */
  public static @Nullable String nearest(String name, Collection<String> candidates) {
    String wanted = plain(name);
    String best = null;
    int bestDistance = (wanted.length() < 3 ? 1 : Math.max(2, wanted.length() / 3)) + 1;
    for (String candidate : candidates) {
      String plain = plain(candidate);
      int distance = distance(wanted, plain);
      if (distance < bestDistance && distance < Math.min(wanted.length(), plain.length())) {
        best = candidate;
        bestDistance = distance;
      }
    }
    if (best == null && wanted.length() >= 3) {
      for (String candidate : candidates) {
        if (plain(candidate).startsWith(wanted)) {
          return candidate;
        }
      }
    }
    return best;
  }

  private static String plain(String name) {
    return name.strip().toLowerCase(Locale.ROOT).replace('-', '_');
  }

  /**
   * Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
   */
  static int distance(String a, String b) {
    int[][] cost = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        if (i == 0 || j == 0) {
          cost[i][j] = i + j;
          continue;
        }
        int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
        int least = Math.min(cost[i - 1][j] + 1, cost[i][j - 1] + 1);
        least = Math.min(least, cost[i - 1][j - 1] + change);
        if (i > 1
            && j > 1
            && a.charAt(i - 1) == b.charAt(j - 2)
            && a.charAt(i - 2) == b.charAt(j - 1)) {
          least = Math.min(least, cost[i - 2][j - 2] + 1);
        }
        cost[i][j] = least;
      }
    }
    return cost[a.length()][b.length()];
  }
}
