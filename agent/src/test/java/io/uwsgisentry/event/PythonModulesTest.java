package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import io.uwsgisentry.journal.Kind;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PythonModulesTest {
  @TempDir Path root;

  @Test
  void aFileIsNamedFromTheLongestEntryOfThePathThatItIsBelow() {
    PythonModules modules = modules("/srv", "/srv/app", "/usr/lib/python3/dist-packages");
    assertThat(modules.of("/srv/app/shop/cart.py")).isEqualTo("shop.cart");
    assertThat(modules.of("/srv/app/shop/__init__.py")).isEqualTo("shop");
    assertThat(modules.of("/srv/wsgi.py")).isEqualTo("wsgi");
    assertThat(modules.of("/usr/lib/python3/dist-packages/gevent/hub.py")).isEqualTo("gevent.hub");
    assertThat(modules.of("/srv/apple/x.py")).isEqualTo("apple.x");
  }

  @Test
  void anEmptyOrRelativeEntryStartsAtTheWorkingDirectory() {
    assertThat(modules("").of("/work/shop/cart.py")).isEqualTo("shop.cart");
    assertThat(modules(".").of("/work/shop/cart.py")).isEqualTo("shop.cart");
    assertThat(modules("lib").of("/work/lib/shop/cart.py")).isEqualTo("shop.cart");
  }

  @Test
  void withoutAPathTheNameBeginsWithTheOutermostPackage() throws IOException {
    Host machine =
        new HostFixture(root)
            .file("/srv/app/shop/__init__.py", "")
            .file("/srv/app/shop/orders/__init__.py", "")
            .file("/srv/app/shop/orders/cart.py", "")
            .machine();
    PythonModules modules = of(machine, RecordFixture.captured(Kind.SLOW, "slow"));
    assertThat(modules.of("/srv/app/shop/orders/cart.py")).isEqualTo("shop.orders.cart");
    assertThat(modules.of("/srv/app/shop/__init__.py")).isEqualTo("shop");
    assertThat(modules.of("/srv/app/wsgi.py")).isEqualTo("wsgi");
  }

  @Test
  void whatNoModuleCanBeCalledHasNoName() {
    PythonModules modules = modules("/srv/app");
    assertThat(modules.of("/srv/app/bin/run-it.py")).isEmpty();
    assertThat(modules.of("/srv/app/0001_first.py")).isEmpty();
    assertThat(modules.of("<frozen importlib._bootstrap>")).isEmpty();
    assertThat(modules.of("app.wsgi")).isEmpty();
    assertThat(modules.of("/.py")).isEmpty();
    assertThat(modules.of("")).isEmpty();
  }

  @Test
  void aFileBelowADirectoryThatNoPackageCanBeIsCalledByItsOwnName() {
    assertThat(modules("/srv").of("/srv/app-2/cart.py")).isEqualTo("cart");
  }

  private PythonModules modules(String... path) {
    return of(
        new HostFixture(root).machine(),
        RecordFixture.captured(Kind.SLOW, "slow").parts("python.path", path));
  }

  private static PythonModules of(Host machine, RecordFixture record) {
    return new PythonModules(machine, "/work", record.record());
  }
}
