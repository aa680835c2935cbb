package io.pariskv.langchain4j;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;

import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** The adapter stands on the core, beside the server. */
class ArchitectureTest {
  @Test
  void adapter_usesTheCoreAndLangChain4jAlone() {
    classes().that().resideInAPackage("io.pariskv.langchain4j..").should()
        .onlyDependOnClassesThat(resideInAnyPackage("java..", "org.jspecify..", "tools.jackson..",
            "dev.langchain4j..", "io.pariskv.langchain4j..", "io.pariskv.chat..",
            "io.pariskv.constrain..", "io.pariskv.engine..", "io.pariskv.generate..",
            "io.pariskv.model..",
            "io.pariskv.text..", "io.pariskv.method..", "io.pariskv.memory..",
            "io.pariskv.error.."))
        .check(new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("io.pariskv.langchain4j"));
  }
}
