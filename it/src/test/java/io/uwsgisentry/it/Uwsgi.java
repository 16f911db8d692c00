package io.uwsgisentry.it;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The uWSGIs on which is tested what depends on uWSGI's version. */
enum Uwsgi {
  /** The machine's: 2.0.21 on Debian 12. Its languages and loops are plugins of their own. */
  INSTALLED {
    @Override
    UwsgiServer server(Scene scene, String ini) {
      for (String plugin : plugins(ini)) {
        assumeTrue(
            plugin.equals("sentry")
                || Files.exists(Path.of("/usr/lib/uwsgi/plugins", plugin + "_plugin.so")),
            () ->
                "needs uWSGI's plugin " + plugin + ": ./run test installs it where it can be had");
      }
      return scene.serverAsInstalled(ini);
    }

    @Override
    Path binary() {
      return Path.of("uwsgi");
    }
  },

  /** PyPI's, with all but our plugin built in. */
  NEWEST {
    @Override
    UwsgiServer server(Scene scene, String ini) {
      NewestUwsgi newest = NewestUwsgi.get();
      for (String plugin : plugins(ini)) {
        if (!plugin.equals("sentry")) {
          newest.needs(plugin.replace("_python3", "").replace("python3", "python"));
        }
      }
      Matcher user = Pattern.compile("^uid = (.*)$", Pattern.MULTILINE).matcher(ini);
      if (user.find()) {
        newest.needsToBeReadableTo(user.group(1));
      }
      return newest.server(scene, ini);
    }

    @Override
    Path binary() {
      return NewestUwsgi.get().binary();
    }
  };

  /**
   * Whether this run tries the newest where a test does not choose: {@code -Duwsgi=newest}, as
   * {@code ./run soak} does.
   */
  static final boolean NEWEST_IN_THIS_RUN = System.getProperty("uwsgi", "").equals("newest");

  private static final Pattern PLUGINS = Pattern.compile("^plugins = (.*)$", Pattern.MULTILINE);

  /** All of them; the one that must be compiled is, before a test's own time is measured. */
  static List<Uwsgi> each() {
    NewestUwsgi.prepare(NewestUwsgi::get);
    return List.of(values());
  }

  /**
   * A server of this uWSGI, not yet started; ends the test as not run where it is not to be had.
   *
   * @param ini as the machine's uWSGI takes it, its plugins in a line {@code plugins = …}
   */
  abstract UwsgiServer server(Scene scene, String ini);

  /** The program itself; ends the test as not run where it is not to be had. */
  abstract Path binary();

  private static List<String> plugins(String ini) {
    Matcher matcher = PLUGINS.matcher(ini);
    return matcher.find() ? List.of(matcher.group(1).split(" *, *")) : List.of();
  }
}
