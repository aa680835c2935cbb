package io.pariskv.app.cli;

import io.pariskv.generate.LoadOptions;
import io.pariskv.memory.DType;
import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Which model, and how it is loaded. */
final class ModelOptions {
  /** Types that K and V can have. */
  enum KvType {
    BF16, F32
  }

  @Option(names = "--model", required = true, paramLabel = "DIR", description = "Model directory as Hugging Face writes it.")
  Path model;

  @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "auto, vector or scalar (default: ${DEFAULT-VALUE}).")
  String backend;

  @Option(names = "--kv-dtype", paramLabel = "TYPE", defaultValue = "bf16", description = "How K and V are stored: bf16 or f32 (default: ${DEFAULT-VALUE}).")
  KvType kvType;

  @Option(names = "--prefill-chunk", paramLabel = "N", defaultValue = ""
      + LoadOptions.DEFAULT_PREFILL_CHUNK, description = "Prompt tokens of one pass (default: ${DEFAULT-VALUE}).")
  int prefillChunk;

  LoadOptions toLoadOptions() {
    return new LoadOptions(backend, kvType == KvType.F32 ? DType.F32 : DType.BF16, prefillChunk);
  }
}
