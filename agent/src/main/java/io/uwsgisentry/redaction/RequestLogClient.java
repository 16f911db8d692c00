package io.uwsgisentry.redaction;

import java.util.List;
import java.util.regex.Pattern;

/**
 * What uWSGI itself writes of a client: the request log, harakiri, broken connections.
 *
 * @param sign without which the line has none of it
 * @param client behind a first group, which stays
 */
record RequestLogClient(String sign, Pattern client) {
  private static final List<RequestLogClient> ALL =
      List.of(
          of(
              "[pid: ",
              "(\\[pid: \\d+\\|(?:app: -?\\d+\\|)?req: -?\\d+(?:/\\d+)?\\] )\\S+ (?:\\([^\\n]{0,256}?\\)(?= \\{\\d)|\\([^)\\n]*\\)?)"),
          of("[core ", "(\\[core \\d+\\] )\\S+(?= - )"),
          of("(ip ", "(\\(ip )[0-9a-fA-F.:]+(?=\\))"),
          of(" during ", "( \\()[0-9a-fA-F.:]{7,45}(?=\\)\\s*$)"),
          // Each start looks as far as the next one, or many of them would cost 4096 times as much.
          of(
              "is managing ",
              "(is managing \"(?:(?!is managing \")[^\\n]){0,4096}?\" for )[0-9a-fA-F.:]+"),
          of(" - ", "^()[0-9a-fA-F.:]{7,45} - \\S+(?= \\[)"));

  private static RequestLogClient of(String sign, String pattern) {
    return new RequestLogClient(sign, Pattern.compile(pattern, Pattern.MULTILINE));
  }

  /** The line without any of it. */
  static String filtered(String line) {
    String kept = line;
    for (RequestLogClient each : ALL) {
      if (kept.contains(each.sign)) {
        kept = each.client.matcher(kept).replaceAll("$1" + Redaction.FILTERED);
      }
    }
    return kept;
  }
}
