package io.uwsgisentry.redaction;

/**
 * Finds secrets by their names in texts without a structure for it: log lines, messages, source
 * lines, the renderings of local variables.
 *
 * <p>Texts are cut off, badly quoted and made by clients, so nothing here parses them. One pass
 * looks for the signs that stand between a name and its value, and asks what is on either side:
 *
 * <ul>
 *   <li>{@code =} after a name or a quoted one: {@code token=…}, {@code config['KEY'] = …}, {@code
 *       "name"=>…}, {@code name: Type = …}
 *   <li>{@code :} likewise: {@code 'name': …}, {@code X-Token: …}, {@code {name: …}}; {@code
 *       scheme://user:…@host} is told apart
 *   <li>{@code ,} after the quoted first of a pair, as WSGI has headers, or after a quoted option
 *   <li>{@code %3D} and {@code %3A}: the first two in an address's parameter
 *   <li>{@code --name …}, {@code <name>…</name>}, {@code Bearer …}, {@code Basic …} of a user and a
 *       password
 *   <li>{@code IDENTIFIED BY '…'} and {@code PASSWORD '…'} of SQL, {@code -----BEGIN PRIVATE
 *       KEY-----}
 * </ul>
 *
 * <p>What needs no such sign has gone before: {@link SecretForms}, {@link TokenFormats}, {@link
 * CheckedNumbers}, {@link TokenInPath}, {@link FormParts}, {@link NamedElsewhere}. What only shows
 * once it is decoded ({@link PercentDecoding}, {@link Entities}) goes last.
 *
 * <p>Filtering a filtered text changes nothing: no rule looks back beyond the last value that was
 * filtered. One pass takes linear time: names are looked for backwards as far as the last sign or
 * quote, or {@link KeyLookBehind#MAX}; values are passed over once they are found, and not looked
 * for where a word says that there is none; and what is searched for an {@code @} in vain is not
 * searched again.
 */
final class SecretsInText {
  private static final int MOST_ROUNDS = 4;

  private final SensitiveNames names;
  private final NamedElsewhere elsewhere;
  private final boolean personal;

  /**
   * @param personal whether values that tell who the client is may stay
   */
  SecretsInText(SensitiveNames names, boolean personal) {
    this.names = names;
    this.elsewhere = new NamedElsewhere(names);
    this.personal = personal;
  }

  /** Until nothing changes: where a secret is cut out, another may begin. */
  String filtered(String text) {
    String kept = text;
    for (int round = 0; round < MOST_ROUNDS; round++) {
      String once = once(kept);
      if (once.equals(kept)) {
        break;
      }
      kept = once;
    }
    return kept;
  }

  private String once(String text) {
    String kept = readable(text);
    if (kept.indexOf('%') < 0 && kept.indexOf('+') < 0) {
      return kept;
    }
    // What is filtered in the decoded text can show the end of another value: until nothing
    // changes.
    for (int round = 0; round < MOST_ROUNDS; round++) {
      String once = readable(PercentDecoding.filtered(kept, this::readable));
      if (once.equals(kept)) {
        break;
      }
      kept = once;
    }
    return kept;
  }

  /** Where something is found behind entities, the decoded text is shown: it is readable. */
  private String readable(String text) {
    String kept = plain(text);
    String decoded = Entities.mayHave(kept) ? Entities.decoded(kept) : kept;
    if (decoded.equals(kept)) {
      return kept;
    }
    String filtered = plain(decoded);
    return filtered.equals(decoded) ? kept : filtered;
  }

  private String plain(String text) {
    String kept = SecretForms.filtered(elsewhere.filtered(text));
    kept = TokenFormats.filtered(kept);
    kept = CheckedNumbers.filtered(kept);
    kept = TokenInPath.filtered(kept);
    kept = FormParts.filtered(kept, names);
    int sign = SecretScan.sign(kept, 0);
    return sign < 0 ? kept : new SecretScan(kept, names, personal).filtered(sign);
  }
}
