package io.pariskv.app.cli;

import io.pariskv.model.ModelConfig;
import io.pariskv.model.ModelShapes;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** A model of which only the shape is needed. */
final class ModelShapeOption {
  @Option(names = "--shape", paramLabel = "NAME", defaultValue = "llama-3.2-1b", description = "llama-3.1-8b, llama-3.2-3b, llama-3.2-1b, qwen3-8b or qwen3-4b (default: ${DEFAULT-VALUE}).")
  String name;

  /** The sizes of that model; a name that is not known is wrong usage. */
  ModelConfig config(CommandSpec spec) {
    return Usage.check(spec, () -> ModelShapes.named(name));
  }
}
