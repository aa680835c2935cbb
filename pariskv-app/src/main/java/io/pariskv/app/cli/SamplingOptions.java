package io.pariskv.app.cli;

import io.pariskv.generate.GenerationOptions;
import io.pariskv.model.file.GenerationConfig;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** How to sample. What is not given comes from the model's {@code generation_config.json}. */
final class SamplingOptions {
  @Option(names = "--max-tokens", paramLabel = "N", defaultValue = "512", description = "Most new tokens (default: ${DEFAULT-VALUE}).")
  int maxTokens;

  @Option(names = "--temperature", paramLabel = "T", description = "0 takes the most probable token.")
  @Nullable
  Float temperature;

  @Option(names = "--top-p", paramLabel = "P", description = "Share of the probability kept.")
  @Nullable
  Float topP;

  @Option(names = "--top-k", paramLabel = "K", description = "Tokens kept; 0 keeps all.")
  @Nullable
  Integer topK;

  @Option(names = "--min-p", paramLabel = "P", description = "Least probability kept, as a share of the largest.")
  @Nullable
  Float minP;

  @Option(names = "--repetition-penalty", paramLabel = "R", description = "1 changes nothing.")
  @Nullable
  Float repetitionPenalty;

  @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of the sampling (default: ${DEFAULT-VALUE}).")
  long seed;

  @Option(names = "--stop", paramLabel = "STR", description = "Ends the text; may be repeated.")
  List<String> stop = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "Go on after an end-of-turn token.")
  boolean ignoreEos;

  /** Refuses nonsense before a model is loaded, as wrong usage of the command {@code spec}. */
  void check(CommandSpec spec) {
    Usage.check(spec, () -> toGenerationOptions(GenerationConfig.EMPTY));
  }

  GenerationOptions toGenerationOptions(GenerationConfig proposed) {
    GenerationOptions options = GenerationOptions.proposed(proposed, maxTokens).withSeed(seed)
        .withStop(stop).withIgnoreEos(ignoreEos);
    options = temperature != null ? options.withTemperature(temperature) : options;
    options = topP != null ? options.withTopP(topP) : options;
    options = topK != null ? options.withTopK(topK) : options;
    options = minP != null ? options.withMinP(minP) : options;
    return repetitionPenalty != null ? options.withRepetitionPenalty(repetitionPenalty) : options;
  }
}
