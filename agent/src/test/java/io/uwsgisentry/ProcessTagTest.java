package io.uwsgisentry;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaCodeUnit;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;

/**
 * {@code ./run check} leaves out what is tagged {@code process}, and is quick because of that: a
 * test that starts one carries the tag, or its class does.
 */
class ProcessTagTest {
  private static final JavaClasses TESTS =
      new ClassFileImporter().importPath(Path.of("target", "test-classes"));

  @Test
  void aTestThatStartsAProcessSaysSo() {
    List<String> starting =
        tests().stream().filter(ProcessTagTest::starts).map(JavaMethod::getFullName).toList();
    assertThat(starting).as("tests that start a process").hasSizeGreaterThan(20);
    assertThat(
            tests().stream()
                .filter(test -> starts(test) && !tagged(test))
                .map(JavaMethod::getFullName))
        .as("without @Tag(\"process\")")
        .isEmpty();
  }

  private static List<JavaMethod> tests() {
    return TESTS.stream()
        .flatMap(type -> type.getMethods().stream())
        .filter(
            method ->
                method.isAnnotatedWith(Test.class)
                    || method.isAnnotatedWith(ParameterizedTest.class))
        .toList();
  }

  private static boolean tagged(JavaMethod test) {
    Optional<Tag> own = test.tryGetAnnotationOfType(Tag.class);
    return own.or(() -> test.getOwner().tryGetAnnotationOfType(Tag.class))
        .filter(tag -> tag.value().equals("process"))
        .isPresent();
  }

  /** By what it calls of the tests' own code, what runs before and after it included. */
  private static boolean starts(JavaMethod test) {
    Set<JavaCodeUnit> seen = new HashSet<>();
    ArrayDeque<JavaCodeUnit> open = new ArrayDeque<>(List.of(test));
    test.getOwner().getMethods().stream()
        .filter(
            method ->
                method.isAnnotatedWith(BeforeEach.class)
                    || method.isAnnotatedWith(AfterEach.class)
                    || method.isAnnotatedWith(BeforeAll.class))
        .forEach(open::add);
    while (!open.isEmpty()) {
      JavaCodeUnit next = open.pop();
      if (!seen.add(next)) {
        continue;
      }
      for (var call : next.getCallsFromSelf()) {
        if (call.getTargetOwner().isEquivalentTo(ProcessBuilder.class)) {
          return true;
        }
        call.getTarget().resolveMember().ifPresent(open::add);
      }
    }
    return false;
  }
}
