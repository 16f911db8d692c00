package io.uwsgisentry;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import io.sentry.Sentry;
import io.sentry.SentryClient;
import io.sentry.SentryOptions;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Data flows one way: a package knows only those before it. */
class LayersTest {
  private static final List<String> ORDER =
      List.of(
          "log",
          "json",
          "elf",
          "journal",
          "settings",
          "redaction",
          "event",
          "storm",
          "outbox",
          "intake",
          "delivery",
          "console",
          "check",
          "cli",
          "agent");

  private static final JavaClasses CLASSES =
      new ClassFileImporter().importPath(Path.of("target", "classes"));

  static Stream<String> packages() {
    return ORDER.stream();
  }

  @ParameterizedTest
  @MethodSource("packages")
  void aPackageImportsOnlyThoseBeforeIt(String name) {
    String[] later =
        IntStream.range(ORDER.indexOf(name) + 1, ORDER.size())
            .mapToObj(i -> inside(ORDER.get(i)))
            .toArray(String[]::new);
    if (later.length > 0) {
      noClasses()
          .that()
          .resideInAPackage(inside(name))
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(later)
          .check(CLASSES);
    }
  }

  @Test
  void everyPackageHasItsPlaceInTheOrder() {
    noClasses()
        .should()
        .resideOutsideOfPackages(ORDER.stream().map(LayersTest::inside).toArray(String[]::new))
        .check(CLASSES);
  }

  /** The outbox is between them; the other direction is the order's. */
  @Test
  void intakeAndDeliveryDoNotKnowEachOther() {
    noClasses()
        .that()
        .resideInAPackage(inside("delivery"))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(inside("intake"))
        .check(CLASSES);
  }

  @Test
  void theTableInTheDocumentationHasThisOrder() throws IOException {
    String doc = Files.readString(Path.of("..", "docs", "architecture.md"));
    String table = doc.substring(doc.indexOf("| package | its one job |"));
    assertThat(
            table
                .lines()
                .takeWhile(line -> line.startsWith("|"))
                .filter(line -> line.startsWith("| `"))
                .map(line -> line.substring(3, line.indexOf('`', 3))))
        .containsExactlyElementsOf(ORDER);
  }

  @Test
  void sentrysLibraryIsUsedForEventsAlone() {
    noClasses()
        .that()
        .resideOutsideOfPackage(inside("event"))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("io.sentry..")
        .check(CLASSES);
  }

  /** They start threads, install handlers and read the environment. */
  @Test
  void sentrysLibraryIsNeverInitialised() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .belongToAnyOf(Sentry.class, SentryClient.class)
        .orShould()
        .callConstructor(SentryOptions.class)
        .check(CLASSES);
  }

  private static String inside(String name) {
    return "io.uwsgisentry." + name + "..";
  }
}
