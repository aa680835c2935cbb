package io.pariskv.generate;

import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.DType;
import java.nio.file.Path;

/** Settings of a model directory that is to be loaded, by {@link LoadOptions} and one by one. Begun by {@link LanguageModel#builder}. */
public final class LanguageModelBuilder {
  private final Path directory;
  private LoadOptions options = LoadOptions.defaults();

  LanguageModelBuilder(Path directory) {
    this.directory = directory;
  }

  /** All settings at once, in place of those given before. */
  public LanguageModelBuilder options(LoadOptions all) {
    options = all;
    return this;
  }

  /** {@code auto}, which is the default, or the name of a backend: {@code cuda}, {@code vector}, {@code scalar}. */
  public LanguageModelBuilder backend(String name) {
    options = options.withBackend(name);
    return this;
  }

  /** Most tokens of a sequence, refused at once if they do not fit in memory; as many as fit otherwise. */
  public LanguageModelBuilder context(int tokens) {
    options = options.withContext(tokens);
    return this;
  }

  /** Whether K and V live in host memory beside a GPU. */
  public LanguageModelBuilder offload(Offload offload) {
    options = options.withOffload(offload);
    return this;
  }

  /** How K and V are stored. */
  public LanguageModelBuilder kvDtype(DType type) {
    options = options.withKvDtype(type);
    return this;
  }

  /** Prompt tokens of one pass: after each of them there is progress to tell, and a generation can be ended. */
  public LanguageModelBuilder prefillChunk(int tokens) {
    options = options.withPrefillChunk(tokens);
    return this;
  }

  /** How many selected rows a GPU keeps beside K and V in host memory. */
  public LanguageModelBuilder rowCache(RowCacheSize size) {
    options = options.withRowCache(size);
    return this;
  }

  /**
   * Loads it; the caller closes it.
   *
   * @throws io.pariskv.error.InputException if something is missing, malformed or unsupported; nothing stays open then
   */
  public LanguageModel load() {
    return LanguageModel.load(directory, options);
  }
}
