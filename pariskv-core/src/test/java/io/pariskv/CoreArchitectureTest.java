package io.pariskv;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The arrows between packages point one way: an engine is made of what a session is made of. */
class CoreArchitectureTest {
  private static final JavaClasses CLASSES = new ClassFileImporter()
      .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS).importPackages("io.pariskv");

  @Test
  void packages_haveNoCycles() {
    slices().matching("io.pariskv.(*)..").should().beFreeOfCycles().check(CLASSES);
  }

  @Test
  void engine_buildsOnGenerationAlone_andOnWhatThatSpeaksOf() {
    classes().that().resideInAPackage("io.pariskv.engine..").should()
        .onlyDependOnClassesThat(resideInAnyPackage("java..", "org.jspecify..",
            "io.pariskv.engine..", "io.pariskv.generate..", "io.pariskv.model..",
            "io.pariskv.backend", "io.pariskv.cache..", "io.pariskv.method..", "io.pariskv.kv..",
            "io.pariskv.memory..", "io.pariskv.error..", "io.pariskv.saved..",
            "io.pariskv.constrain.."))
        .check(CLASSES);
  }

  @Test
  void chat_knowsTextAndItsFormsAlone() {
    classes().that().resideInAPackage("io.pariskv.chat..").should()
        .onlyDependOnClassesThat(resideInAnyPackage("java..", "org.jspecify..", "tools.jackson..",
            "io.pariskv.chat..", "io.pariskv.constrain..", "io.pariskv.text..",
            "io.pariskv.error.."))
        .check(CLASSES);
  }

  @Test
  void constraints_knowTextAlone() {
    classes().that().resideInAPackage("io.pariskv.constrain..").should()
        .onlyDependOnClassesThat(resideInAnyPackage("java..", "org.jspecify..", "tools.jackson..",
            "io.pariskv.constrain..", "io.pariskv.text..", "io.pariskv.error.."))
        .check(CLASSES);
  }
}
