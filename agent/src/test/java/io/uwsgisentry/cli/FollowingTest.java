package io.uwsgisentry.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.uwsgisentry.outbox.Entry;
import io.uwsgisentry.outbox.Filter;
import io.uwsgisentry.testkit.Patience;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class FollowingTest {
  @TempDir Path temporary;

  @Test
  void eachEventComesOnceInTheOrderInWhichTheyWereStored() throws IOException {
    CommandScene scene = new CommandScene(temporary);
    Following following = new Following(scene.directory(), Filter.ALL);
    assertThat(following.next(10)).isEmpty();
    scene.threeEvents();
    assertThat(ids(following.next())).containsExactly("aa11", "aa22", "bb33");
    assertThat(following.next()).isEmpty();
  }

  @Test
  void ofWhatIsThereAlreadyTheLatestAreShown() throws IOException {
    CommandScene scene = new CommandScene(temporary);
    scene.threeEvents();
    Following following = new Following(scene.directory(), Filter.ALL);
    assertThat(ids(following.next(2))).containsExactly("aa22", "bb33");
    assertThat(following.next()).isEmpty();
  }

  @Test
  void theCommandPrintsALineForEachUntilItIsStopped() throws Exception {
    CommandScene scene = new CommandScene(temporary);
    scene.threeEvents();
    StringWriter out = new StringWriter();
    CommandLine command =
        UwsgiSentry.commandLine(
                agent -> 0,
                scene.surroundings(Map.of("UWSGI_SENTRY_DIR", scene.directory().toString())))
            .setOut(new PrintWriter(out));
    Thread reader = new Thread(() -> command.execute("events", "--follow", "--state", "dead"));
    reader.start();
    await().atMost(Patience.SOON).until(() -> out.toString().endsWith("\n"));
    reader.interrupt();
    reader.join();
    assertThat(out.toString()).matches("\\S+ +\\S+ +warning +aa220000 +put it\n");
  }

  private static List<String> ids(List<Entry> entries) {
    return entries.stream().map(entry -> entry.id().substring(0, 4)).toList();
  }
}
