package io.uwsgisentry.event;

import io.uwsgisentry.journal.Record;
import io.uwsgisentry.settings.Level;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A request that ended, but late; with its stack where one was taken while it ran. */
final class SlowRequestEventBuilder implements EventBuilder {
  private final SourceContext sources;

  SlowRequestEventBuilder(SourceContext sources) {
    this.sources = sources;
  }

  @Override
  public void fill(EventDraft draft, RecordContext incident) {
    String transaction = incident.transaction();
    long took = RecordContext.number(incident.record().fields().text("request.took"));
    String what = transaction == null ? "a request" : transaction;
    if (took >= 0) {
      draft.extra("request_took_milliseconds", took / 1000);
    }
    long waited = RecordContext.number(incident.record().fields().pairs("client").get("waited"));
    if (waited > 0) {
      draft.extra("waited_for_the_client_milliseconds", waited / 1000);
    }
    new StuckRequest(incident, sources)
        .fill(
            draft,
            "SlowRequest",
            took < 0 ? what : what + " took " + RecordContext.duration(took),
            Mechanisms.of("uwsgi_slow_request", true));
    List<String> fingerprint = new ArrayList<>(List.of("uwsgi", "slow"));
    if (transaction != null) {
      fingerprint.add(transaction);
    }
    draft.fingerprint(fingerprint);
  }

  @Override
  public String platform(Record record) {
    return record.fields().bytes("stack") == null ? "other" : "python";
  }

  @Override
  public Level level(@Nullable Record record) {
    return Level.WARNING;
  }
}
