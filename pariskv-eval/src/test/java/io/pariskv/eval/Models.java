package io.pariskv.eval;

import java.nio.file.Path;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Where models and fixtures are. */
public final class Models {
  private static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

  /** The bundled model. */
  public static final Path RECALL = ROOT.resolve("models/recall-12m");

  private static final Path FIXTURES = ROOT
      .resolve("pariskv-core/src/test/resources/fixtures");

  private Models() {
  }

  /** A random-weight model without a tokenizer, from the fixtures. */
  public static Path random(String name) {
    return FIXTURES.resolve("hf").resolve(name);
  }

  /** A prompt for the bundled model, with the answer it gives. */
  public static JsonNode recall(String name) {
    return JsonMapper.shared().readTree(FIXTURES.resolve("recall/" + name + ".json").toFile());
  }
}
