package io.pariskv.app.cli;

import io.pariskv.generate.LoadOptions;
import io.pariskv.memory.DType;
import java.nio.file.Path;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** Which model, and how it is loaded. */
final class ModelOptions {
  /** Types that K and V can have. */
  enum KvType {
    BF16(DType.BF16), F32(DType.F32);

    final DType dtype;

    KvType(DType dtype) {
      this.dtype = dtype;
    }
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

  /** How to load; nonsense is wrong usage of the command {@code spec}. */
  LoadOptions toLoadOptions(CommandSpec spec) {
    Usage.backend(spec, backend);
    return Usage.check(spec, () -> new LoadOptions(backend, kvType.dtype, prefillChunk));
  }
}
