package io.uwsgisentry.intake;

import io.uwsgisentry.event.EventFactory;
import io.uwsgisentry.log.Log;
import io.uwsgisentry.outbox.IntakeStore;
import io.uwsgisentry.outbox.Outbox;
import io.uwsgisentry.outbox.OutboxException;
import io.uwsgisentry.settings.ConfigWarning;
import java.io.IOException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Stores what was found in a journal file, in as many batches as there is memory and room for, and
 * says what an operator should know of it.
 */
final class FindingStore {
  private static final int MOST_TOLD = 1_000;

  private final Outbox outbox;
  private final EventFactory factory;
  private final Runnable stored;
  private final Log log;
  // A server that is reloaded with the same configuration need not be told again.
  private final Set<ConfigWarning> told = new HashSet<>();
  private boolean unresolved = true;

  /**
   * @param stored called after each transaction that brought something to send
   */
  FindingStore(Outbox outbox, EventFactory factory, Runnable stored, Log log) {
    this.outbox = outbox;
    this.factory = factory;
    this.stored = stored;
    this.log = log;
  }

  /**
   * @param file its name
   * @throws OutboxException if the outbox cannot take them; those before are stored
   */
  void store(String file, BatchAssembly.Raw raw, List<Finding> findings) throws IOException {
    int most = findings.size();
    for (int done = 0; done < findings.size(); ) {
      BatchAssembly assembly = new BatchAssembly(outbox, factory, raw, file);
      int end = Math.min(findings.size(), done + most);
      int taken = assembly.assemble(findings.subList(done, end));
      IntakeStore.Stored result;
      try {
        result = outbox.intake().store(assembly.batch());
      } catch (OutboxException e) {
        if (!e.unwritten() || taken == 1) {
          throw e;
        }
        // There may be room for fewer: what was delivered lately is given up for it.
        most = (taken + 1) / 2;
        continue;
      }
      done += taken;
      remark(file, assembly.remarks());
      advise(assembly.advice());
      unresolved |= assembly.configured();
      if (!resolve() && result.ready() > 0) {
        stored.run();
      }
    }
  }

  private void remark(String file, List<String> remarks) {
    if (!remarks.isEmpty()) {
      int more = remarks.size() - 1;
      log.warn(file + ": " + remarks.get(0) + (more == 0 ? "" : "; and " + more + " more"));
    }
  }

  private void advise(List<ConfigWarning> advice) {
    if (told.size() + advice.size() > MOST_TOLD) {
      told.clear();
    }
    for (ConfigWarning one : advice) {
      if (told.add(one)) {
        log.warn("configuration of " + one.line());
      }
    }
  }

  /**
   * Events that wait for a usable DSN may have one since the last configuration.
   *
   * @return whether there are any to send
   */
  boolean resolve() throws IOException {
    boolean any = unresolved && outbox.intake().resolve(JournalPump.RESOLVER) > 0;
    unresolved = false;
    if (any) {
      stored.run();
    }
    return any;
  }
}
