package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.HandlerSettings;
import org.jspecify.annotations.Nullable;

/** An exception of the application that its language plugin told uWSGI of. */
final class ExceptionEventBuilder implements EventBuilder {
  private static final String UNTYPED = "Exception";

  @Override
  public void fill(Draft draft, Record record, HandlerSettings settings) {
    String plugin = record.fields().text("exception.plugin");
    String value = given(record, "exception.value");
    String repr = given(record, "exception.repr");
    String message = settings.message();
    if (message != null) {
      EventBuilder.configured(draft, record, message);
    } else if (repr != null && !repr.equals(value)) {
      draft.message(repr);
    }

    String type = settings.exceptionType();
    String module = null;
    if (type == null) {
      type = given(record, "exception.type");
      int dot = type == null ? -1 : type.lastIndexOf('.');
      if (type != null && "python".equals(plugin) && dot > 0 && dot < type.length() - 1) {
        // As Sentry's own SDK for Python: the bare class is the type, built-in ones have no module.
        module = type.startsWith("builtins.") ? null : type.substring(0, dot);
        type = type.substring(dot + 1);
      }
    }
    String configured = settings.exceptionValue();
    draft.exception(
        type == null ? UNTYPED : type,
        module,
        configured != null ? configured : value,
        Backtrace.frames(record.fields().bytes("exception.backtrace"), plugin),
        false);
  }

  @Override
  public String platform(Record record) {
    String plugin = record.fields().text("exception.plugin");
    return switch (plugin == null ? "" : plugin) {
      case "python" -> "python";
      case "rack" -> "ruby";
      case "psgi" -> "perl";
      case "php" -> "php";
      case "jvm", "jwsgi" -> "java";
      default -> "other";
    };
  }

  private static @Nullable String given(Record record, String field) {
    String text = record.fields().text(field);
    return text == null || text.isEmpty() ? null : text;
  }
}
