package io.pariskv.server;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The server's parts point one way: http and model, metrics and live, openai, the server itself. */
class ArchitectureTest {
  private static final String SERVER = "io.pariskv.server.";
  private static final JavaClasses CLASSES = new ClassFileImporter()
      .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
      .importPackages("io.pariskv.server");

  /** Each package and those of ours that it may use besides itself and {@code error}. */
  @ParameterizedTest
  @CsvSource({"server.http, error",
      "server.model, chat engine generate memory backend method model text",
      "server.metrics, engine generate server.model",
      "server.live, engine kv memory method server.http server.model",
      "server.openai, chat constrain server.live engine generate saved text server.http server.model server.metrics"})
  void package_usesOnlyThoseBeforeIt(String name, String uses) {
    String[] allowed = Stream.concat(
        Stream.of("java..", "javax.net.ssl..", "com.sun.net.httpserver..", "org.jspecify..",
            "tools.jackson..", "io.pariskv.error..", "io.pariskv." + name + ".."),
        Stream.of(uses.split(" ")).map(other -> "io.pariskv." + other + ".."))
        .toArray(String[]::new);
    classes().that().resideInAPackage("io.pariskv." + name + "..").should()
        .onlyDependOnClassesThat(resideInAnyPackage(allowed)).check(CLASSES);
  }

  @Test
  void httpLibrary_isKnownToThePackageOfThatNameAlone() {
    noClasses().that().resideOutsideOfPackage(SERVER + "http").should().dependOnClassesThat()
        .resideInAPackage("com.sun.net.httpserver..").check(CLASSES);
  }

  @Test
  void packages_haveNoCycles() {
    slices().matching("io.pariskv.server.(*)..").should().beFreeOfCycles().check(CLASSES);
  }
}
