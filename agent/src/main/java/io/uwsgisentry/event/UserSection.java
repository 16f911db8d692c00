package io.uwsgisentry.event;

import io.sentry.protocol.User;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/** Sentry's user interface, of keys as a handler's user or a request gives them. */
final class UserSection {
  /** The user of a request: sent as it was given. */
  private static final Set<String> OWN = Set.of("id", "email", "username", "ip_address");

  private UserSection() {}

  static User of(Map<String, String> keys, EventDraft draft) {
    User user = new User();
    Map<String, String> data = new LinkedHashMap<>();
    keys.forEach(
        (key, value) -> {
          if (!OWN.contains(key)) {
            data.put(
                Limits.shortened(Limits.clean(key), 64),
                draft.shown("user " + key, value, 128, text -> draft.redaction().value(key, text)));
            return;
          }
          String kept = draft.cut("user " + key, value, key.equals("email") ? 75 : 128);
          switch (key) {
            case "id" -> user.setId(kept);
            case "email" -> user.setEmail(kept);
            case "username" -> user.setUsername(kept);
            default -> {
              if (Limits.isAddress(kept)) {
                user.setIpAddress(kept);
              } else {
                data.put(key, kept);
              }
            }
          }
        });
    if (!data.isEmpty()) {
      user.setData(data);
    }
    return user;
  }
}
