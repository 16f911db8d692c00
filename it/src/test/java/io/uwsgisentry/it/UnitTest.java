package io.uwsgisentry.it;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** systemd's unit for an agent, looked at without a systemd that runs. */
class UnitTest {
  private static final Path UNIT = Path.of("../packaging/uwsgi-sentry@.service");
  private static final Pattern EXPOSURE = Pattern.compile("Overall exposure level.*: ([0-9.]+) ");

  @Test
  void it_leaves_little_exposed() throws Exception {
    assumeTrue(Files.isExecutable(Path.of("/usr/bin/systemd-analyze")), "needs systemd-analyze");
    Process process =
        new ProcessBuilder("systemd-analyze", "security", "--offline=true", UNIT.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    process.waitFor();
    Matcher matcher = EXPOSURE.matcher(said);
    assumeTrue(matcher.find(), () -> "needs a systemd-analyze that reads files: " + said);
    assertThat(Double.parseDouble(matcher.group(1))).as(said).isLessThan(2);
  }

  /** A JIT compiler writes code; the agent must see its server, and set its own priority. */
  @Test
  void it_denies_nothing_that_the_agent_needs() throws IOException {
    assertThat(Files.readAllLines(UNIT))
        .noneMatch(line -> line.startsWith("MemoryDenyWriteExecute"))
        .contains("Restart=always", "SystemCallErrorNumber=EPERM");
  }
}
