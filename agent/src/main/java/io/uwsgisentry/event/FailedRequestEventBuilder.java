package io.uwsgisentry.event;

import io.sentry.protocol.SentryException;
import io.uwsgisentry.journal.Record;
import java.util.List;

/**
 * A request that a Perl, Lua or JVM application answered with an error of the server's: of what
 * went wrong uWSGI tells nothing there but its log.
 */
final class FailedRequestEventBuilder implements EventBuilder {
  @Override
  public void fill(Draft draft, Incident incident) {
    ServedRequest request = incident.request();
    String status =
        request == null || request.status() < 0 ? "5xx" : Integer.toString(request.status());
    String transaction = incident.transaction();
    String stable = transaction == null ? "a request" : transaction;
    long took = Incident.number(incident.record().fields().text("request.took"));
    if (took >= 0) {
      draft.extra("request_took_milliseconds", took / 1000);
    }
    SentryException exception =
        draft.exception(
            "RequestFailed",
            null,
            stable + " answered " + status,
            List.of(),
            Mechanisms.of("uwsgi_request", false));
    draft.exceptions(List.of(exception));
    draft.fingerprint(List.of("uwsgi", "failed", stable, status));
    draft.runtime(platform(incident.record()), null);
  }

  @Override
  public String platform(Record record) {
    return Language.platform(record.fields().text("exception.plugin"));
  }
}
