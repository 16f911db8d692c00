package io.uwsgisentry.event;

import io.sentry.protocol.User;
import java.util.LinkedHashMap;
import java.util.Map;

/** Sentry's user interface, of keys as a handler's user or a request gives them. */
final class UserSection {
  private UserSection() {}

  static User of(Map<String, String> keys, Draft draft) {
    User user = new User();
    Map<String, String> data = new LinkedHashMap<>();
    keys.forEach(
        (key, value) -> {
          String kept = draft.cut("user " + key, value, key.equals("email") ? 75 : 128);
          switch (key) {
            case "id" -> user.setId(kept);
            case "email" -> user.setEmail(kept);
            case "username" -> user.setUsername(kept);
            case "ip_address" -> {
              if (Limits.isAddress(kept)) {
                user.setIpAddress(kept);
              } else {
                data.put(key, kept);
              }
            }
            default ->
                data.put(
                    Limits.shortened(Limits.clean(key), 64), draft.redaction().value(key, kept));
          }
        });
    if (!data.isEmpty()) {
      user.setData(data);
    }
    return user;
  }
}
