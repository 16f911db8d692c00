package io.uwsgisentry.redaction;

import io.uwsgisentry.settings.HandlerSettings;
import java.util.HashSet;
import java.util.Set;
import java.util.StringJoiner;

/**
 * What Sentry's SDKs would not send, either: {@link SensitiveNames} says of which names, {@link
 * SecretsInText} how they are found in texts, {@link RequestLogClient} what a log line tells of a
 * client.
 */
public final class Scrubber implements Redaction {
  /** In characters: longer texts rarely repeat. */
  private static final int SHORT = 256;

  private final Set<String> ownNames;
  private final boolean personal;
  private final SensitiveNames names;
  private final SecretsInText secrets;
  private final Recent<String, String> texts = new Recent<>(512);
  private final Recent<String, SensitiveNames.Meaning> meanings = new Recent<>(256);

  /** With the built-in names, without personal data. */
  public Scrubber() {
    this(Set.of(), false);
  }

  private Scrubber(Set<String> ownNames, boolean personal) {
    this.ownNames = ownNames;
    this.personal = personal;
    this.names = new SensitiveNames(ownNames);
    this.secrets = new SecretsInText(names, personal);
  }

  @Override
  public Scrubber under(HandlerSettings settings) {
    if (settings.scrub().isEmpty() && settings.sendDefaultPii() == personal) {
      return this;
    }
    Set<String> more = new HashSet<>(ownNames);
    settings.scrub().forEach(name -> more.add(SensitiveNames.joined(name)));
    return new Scrubber(more, settings.sendDefaultPii());
  }

  @Override
  public boolean isSecret(String name) {
    SensitiveNames.Meaning meaning = meanings.get(name, n -> names.of(n, 0, n.length()));
    return meaning == SensitiveNames.Meaning.SECRET || meaning == SensitiveNames.Meaning.SUBJECT;
  }

  @Override
  public boolean isPersonal(String name) {
    return names.isPersonal(name);
  }

  @Override
  public boolean sendsPersonalData() {
    return personal;
  }

  @Override
  public String text(String text) {
    return text.length() > SHORT ? secrets.filtered(text) : texts.get(text, secrets::filtered);
  }

  @Override
  public String logLine(String line) {
    String kept = text(line);
    return personal ? kept : RequestLogClient.filtered(kept);
  }

  @Override
  public String query(String query) {
    StringJoiner kept = new StringJoiner("&");
    for (String parameter : query.split("&", -1)) {
      kept.add(parameter(parameter));
    }
    return kept.toString();
  }

  private String parameter(String parameter) {
    int equals = parameter.indexOf('=');
    if (equals > 0
        && (isSecret(parameter.substring(0, equals))
            || HeaderNames.isSpentOnce(parameter, 0, equals, equals + 1))) {
      return parameter.substring(0, equals + 1) + FILTERED;
    }
    String kept = text(parameter);
    if (kept.indexOf('%') >= 0) {
      String decoded = PercentDecoding.decoded(kept);
      if (!text(decoded).equals(decoded)) {
        return kept.substring(0, kept.indexOf('=') + 1) + FILTERED;
      }
    }
    return kept;
  }
}
