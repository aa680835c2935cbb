package io.pariskv.model.file;

import java.nio.file.Path;

/** The models that come with the project. */
final class Fixtures {
  private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

  private Fixtures() {
  }

  /** One of the four random models in {@code fixtures/hf}. */
  static Path huggingFace(String name) {
    return ROOT.resolve("pariskv-core/src/test/resources/fixtures/hf").resolve(name);
  }

  /** The bundled model. */
  static Path recall12m() {
    return ROOT.resolve("models/recall-12m");
  }
}
