package io.uwsgisentry.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SaidErrorTest {
  private static final String UNCAUGHT =
      """
      PHP Fatal error:  Uncaught Shop\\OutOfStock: no milk: in stock in /srv/shop/cart.php:10
      Stack trace:
      #0 /srv/shop/index.php(15): Shop\\Cart->reserve('hush')
      #1 [internal function]: {closure}(Array)
      #2 {main}

      Next LogicException: cannot order in /srv/shop/index.php:30
      Stack trace:
      #0 {main}
        thrown in /srv/shop/index.php on line 30""";

  private static SaidError of(String plugin, String... lines) {
    return Objects.requireNonNull(SaidError.of(plugin, List.of(lines)));
  }

  @Test
  void phps_stack_has_each_function_with_the_place_where_it_was() {
    SaidError error = of("php", "something else", UNCAUGHT, "[pid: 1|app: -1] GET /");
    assertThat(error.type()).isEqualTo("LogicException");
    assertThat(error.value()).isEqualTo("cannot order");
    SaidError cause = Objects.requireNonNull(error.cause());
    assertThat(cause.type()).isEqualTo("Shop\\OutOfStock");
    assertThat(cause.value()).isEqualTo("no milk: in stock");
    assertThat(cause.frames())
        .containsExactly(
            new SaidError.Frame("", -1, "{main}", ""),
            new SaidError.Frame("/srv/shop/index.php", 15, "{closure}", ""),
            new SaidError.Frame("/srv/shop/cart.php", 10, "Shop\\Cart->reserve", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "'PHP Fatal error:  Allowed memory size of 1 bytes exhausted in /srv/a.php on line 3', FatalError, Allowed memory size of 1 bytes exhausted, /srv/a.php, 3",
    "'PHP Parse error:  syntax error, unexpected end of file in /srv/a.php on line 9', ParseError, 'syntax error, unexpected end of file', /srv/a.php, 9",
    "'PHP Fatal error:  Uncaught Error in /srv/a.php:7', Error, '', /srv/a.php, 7",
  })
  void phps_other_errors(String line, String type, String value, String file, int number) {
    SaidError error = of("php", line);
    assertThat(error.type()).isEqualTo(type);
    assertThat(error.value()).isEqualTo(value);
    assertThat(error.frames()).containsExactly(new SaidError.Frame(file, number, "", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "no milk at /srv/shop.psgi line 4., no milk, /srv/shop.psgi, 4",
    "'at night at lib/Shop.pm line 12, <STDIN> line 3.', at night, lib/Shop.pm, 12",
  })
  void perls_place_is_behind_its_words(String text, String value, String file, int line) {
    SaidError error = SaidError.perl(null, text + "\n");
    assertThat(error.value()).isEqualTo(value);
    assertThat(error.frames()).containsExactly(new SaidError.Frame(file, line, "", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[Shop:7] error @2026-11-28 23:54:26> Route exception: no milk at /srv/a.pl line 4. in App.pm l. 1",
        "[2026-11-28 23:54:27.56534] [7] [error] [xVyBrhPhdiLb] no milk at /srv/a.pl line 4.",
        "[error] Caught exception in Shop::Root->index \"no milk at /srv/a.pl line 4.\"",
      })
  void what_a_framework_of_perl_logs_when_it_answers_an_error(String line) {
    SaidError error = of("psgi", line);
    assertThat(error.value()).isEqualTo("no milk");
    assertThat(error.frames()).containsExactly(new SaidError.Frame("/srv/a.pl", 4, "", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Use of uninitialized value $n in addition (+) at /srv/a.pl line 4.",
        "[2026-11-28 23:54:27.56534] [7] [warn] [xVyBrhPhdiLb] low at /srv/a.pl line 4.",
        "[error] nothing that has a place",
        "an error at /srv/a.pl line 4.",
      })
  void what_perl_only_warns_of_is_no_error(String line) {
    assertThat(SaidError.of("psgi", List.of(line))).isNull();
  }

  @Test
  void perl_without_a_place_is_its_words() {
    assertThat(of("psgi", "[uwsgi-perl error] cannot serve this").value())
        .isEqualTo("cannot serve this");
  }

  @Test
  void luas_place_is_before_its_words() {
    SaidError error = of("lua", "shop.lua:3: attempt to index a nil value", "[pid: 1] GET /");
    assertThat(error.value()).isEqualTo("attempt to index a nil value");
    assertThat(error.frames()).containsExactly(new SaidError.Frame("shop.lua", 3, "", ""));
  }

  @Test
  void a_java_trace_is_several_lines_of_the_log() {
    SaidError error =
        of(
            "jvm",
            "Exception ",
            "in thread \"main\" ",
            "shop.OutOfStock: no milk",
            "\tat shop.Cart.reserve(Cart.java:15)",
            "\tat java.base/java.lang.Thread.run(Thread.java:840)",
            "Caused by: java.io.IOException",
            "\tat shop.Cart.<init>(Native Method)",
            "\t... 1 more",
            "[pid: 1] GET /");
    assertThat(error.type()).isEqualTo("shop.OutOfStock");
    assertThat(error.frames())
        .containsExactly(
            new SaidError.Frame("Thread.java", 840, "run", "java.lang.Thread"),
            new SaidError.Frame("Cart.java", 15, "reserve", "shop.Cart"));
    SaidError cause = Objects.requireNonNull(error.cause());
    assertThat(cause.type()).isEqualTo("java.io.IOException");
    assertThat(cause.value()).isEmpty();
    assertThat(cause.frames()).containsExactly(new SaidError.Frame("", -1, "<init>", "shop.Cart"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"php", "psgi", "lua", "jvm", "python"})
  void lines_that_say_no_error_are_none(String plugin) {
    assertThat(SaidError.of(plugin, List.of())).isNull();
    assertThat(SaidError.of(plugin, List.of("", "well", "\t", "[pid: 1|app: 0] GET /"))).isNull();
  }
}
