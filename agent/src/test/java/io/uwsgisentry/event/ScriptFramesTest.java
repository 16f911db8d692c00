package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.sentry.protocol.SentryStackFrame;
import io.uwsgisentry.journal.Kind;
import io.uwsgisentry.journal.Record;
import io.uwsgisentry.redaction.Scrubber;
import io.uwsgisentry.settings.HandlerSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScriptFramesTest {
  @TempDir Path root;

  @ParameterizedTest
  @CsvSource({
    "/srv/app/shop/cart.py, shop.cart, shop/cart.py",
    "/srv/app/shop/__init__.py, shop, shop/__init__.py",
    "/srv/releases/20231114/wsgi.py, uwsgi_file__srv_releases_20231114_wsgi_py, wsgi.py",
    "/srv/app/main.py, __main__, main.py",
    "/srv/app/other.py, renamed, other.py",
    "/srv/app/cart.py, '', /srv/app/cart.py",
    "/srv/app/cart, cart, cart",
    "app.py, uwsgi_file_app, app.py",
    "/usr/lib/python3/dist-packages/django/core/a.py, django.core.a, django/core/a.py",
    "/usr/lib/python3.11/json/decoder.py, '', json/decoder.py",
    "/work/now/a/b.py, '', a/b.py",
    "<frozen importlib._bootstrap>, importlib, <frozen importlib._bootstrap>",
    "<string>, '', <string>",
  })
  void aFileIsCalledAlikeOnEveryMachine(String file, String module, String relative) {
    assertThat(frame(file, module, Map.of("cwd", "/work/now")).getFilename()).isEqualTo(relative);
  }

  @ParameterizedTest
  @CsvSource({
    "/srv/app/shop.py, true",
    "shop.py, true",
    "/srv/venv/lib/python3.11/site-packages/flask/app.py, false",
    "/usr/lib/python3/dist-packages/django/a.py, false",
    "/usr/lib/python3.11/json/decoder.py, false",
    "/usr/local/lib/python3.12/threading.py, false",
    "/usr/lib64/python3.9/socket.py, false",
    "/usr/lib/python311.zip/abc.py, false",
    "/var/lib/gems/3.1.0/gems/rack-2.2.4/lib/rack/x.rb, false",
    "/usr/lib/ruby/3.1.0/json.rb, false",
    "/usr/share/perl5/Plack/Util.pm, false",
    "<frozen importlib._bootstrap>, false",
    "<string>, false",
    "/srv/python/app.py, true",
    "/srv/my-lib/python_app/a.py, true"
  })
  void onlyWhatTheUserWroteIsOfTheApplication(String file, boolean inApp) {
    assertThat(frame(file, "", Map.of()).isInApp()).isEqualTo(inApp);
  }

  @Test
  void aRelativeNameIsFoundWhereTheWorkingDirectoryIsKnown() throws IOException {
    new HostFixture(root).file("/srv/app/a.py", "one\ntwo\n");
    assertThat(frame("a.py", "", Map.of()).getAbsPath()).isNull();
    SentryStackFrame found = frame("a.py", "", Map.of("cwd", "/srv/app"));
    assertThat(found.getAbsPath()).isEqualTo("/srv/app/a.py");
    assertThat(found.getContextLine()).isEqualTo("two");
    assertThat(frame("<string>", "", Map.of("cwd", "/srv/app")).getAbsPath()).isNull();
    assertThat(frame("../../etc/a.py", "", Map.of("cwd", "/srv/app")).getContextLine()).isNull();
  }

  @Test
  void aModuleThatUwsgiNamedAfterAPathIsNone() {
    assertThat(frame("/a.py", "uwsgi_file__srv_a_py", Map.of()).getModule()).isNull();
    assertThat(frame("/a.py", "shop.cart", Map.of()).getModule()).isEqualTo("shop.cart");
  }

  private SentryStackFrame frame(String file, String module, Map<String, String> defaults) {
    Record record = RecordFixture.captured(Kind.SLOW, "slow").record();
    RecordContext incident =
        new RecordContext(
            record, HandlerSettings.of("", "", defaults), new Scrubber(), List.of(), null);
    return new ScriptFrames(new SourceContext(new HostFixture(root).machine()), incident)
        .frame(file, 2, "f", module, "", Map.of());
  }
}
