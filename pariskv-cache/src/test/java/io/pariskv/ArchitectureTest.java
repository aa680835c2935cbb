package io.pariskv;

import static com.tngtech.archunit.base.DescribedPredicate.alwaysTrue;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.belongToAnyOf;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.pariskv.backend.Backends;
import io.pariskv.backend.vector.VectorBackend;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The arrows between packages point one way, along the data flow. */
class ArchitectureTest {
  private static final String SCALAR = "io.pariskv.backend.scalar..";
  private static final JavaClasses CLASSES = new ClassFileImporter()
      .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("io.pariskv");

  /** Each package and those of ours that it may use besides itself and {@code error}. */
  @ParameterizedTest
  @CsvSource({"error, error", "memory, error", "kv, memory", "index, memory kv", "layer, memory kv",
      "attention, memory kv", "retrieve, memory kv index",
      "backend, memory kv index layer attention retrieve",
      "method, memory kv index layer attention retrieve backend",
      "cache, memory kv index layer attention retrieve backend method"})
  void package_usesOnlyThoseBeforeIt(String name, String uses) {
    List<String> allowed = new ArrayList<>(
        List.of("java..", "javax..", "jdk..", "com.sun.management..", "org.jspecify..",
            "io.pariskv.error.."));
    allowed.add("io.pariskv." + name + "..");
    for (String other : uses.split(" ")) {
      allowed.add("io.pariskv." + other + "..");
    }
    classes().that().resideInAPackage("io.pariskv." + name + "..").should()
        .onlyDependOnClassesThat(resideInAnyPackage(allowed.toArray(String[]::new)))
        .check(CLASSES);
  }

  /** A backend may hand out a stage of scalar where its own would be no better, and does so by name. */
  @Test
  void scalarStages_areTakenByTheChoiceOfABackendAndByVectorsListOfStagesAlone() {
    noClasses().that().resideOutsideOfPackage(SCALAR).and()
        .doNotBelongToAnyOf(Backends.class, VectorBackend.class).should()
        .dependOnClassesThat().resideInAPackage(SCALAR).check(CLASSES);
  }

  @ParameterizedTest
  @CsvSource({"vector", "cuda"})
  void otherStages_areTakenByTheChoiceOfABackendAlone(String name) {
    String inside = "io.pariskv.backend." + name + "..";
    noClasses().that().resideOutsideOfPackage(inside).and().doNotBelongToAnyOf(Backends.class)
        .should().dependOnClassesThat().resideInAPackage(inside).check(CLASSES);
  }

  @Test
  void packages_haveNoCycles_butForTheChoiceOfABackend() {
    slices().matching("io.pariskv.(*)..").should().beFreeOfCycles().check(CLASSES);
    slices().matching("io.pariskv.(**)").should().beFreeOfCycles()
        .ignoreDependency(belongToAnyOf(Backends.class), alwaysTrue()).check(CLASSES);
  }
}
