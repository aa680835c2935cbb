package io.pariskv.app.cli;

import io.pariskv.backend.Backends;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Offload;
import io.pariskv.memory.DType;
import java.io.PrintWriter;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
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

  @Option(names = "--backend", paramLabel = "NAME", defaultValue = "auto", description = "auto, cuda, vector or scalar (default: ${DEFAULT-VALUE}).")
  String backend;

  @Option(names = "--kv-dtype", paramLabel = "TYPE", defaultValue = "bf16", description = "How K and V are stored: bf16 or f32 (default: ${DEFAULT-VALUE}).")
  KvType kvType;

  @Option(names = "--prefill-chunk", paramLabel = "N", description = "Prompt tokens of one pass (default: 512, on a GPU 4096).")
  @Nullable
  Integer prefillChunk;

  @Option(names = "--offload", paramLabel = "WHERE", defaultValue = "auto", description = "on keeps K and V in host memory beside a GPU, off in its memory, auto where the whole context fits (default: ${DEFAULT-VALUE}).")
  Offload offload;

  @Option(names = "--context", paramLabel = "N", description = "Most tokens of a sequence, refused at once if they do not fit in memory (default: as many as fit).")
  @Nullable
  Integer context;

  /** How to load; nonsense is wrong usage of the command {@code spec}. */
  LoadOptions toLoadOptions(CommandSpec spec) {
    Usage.backend(spec, backend);
    requirePositive(spec, "--prefill-chunk", prefillChunk);
    requirePositive(spec, "--context", context);
    return Usage.check(spec, () -> new LoadOptions(backend, kvType.dtype,
        prefillChunk == null ? 0 : prefillChunk, offload, context == null ? 0 : context));
  }

  /** With {@code auto}, tells a person why a backend that comes before the chosen one was not taken. */
  void explain(LanguageModel loaded, PrintWriter err) {
    if (!backend.equals("auto") || !Terminal.isInteractive()) {
      return;
    }
    for (Backends.Candidate candidate : Backends.candidates()) {
      if (candidate.name().equals(loaded.backend().name())) {
        break;
      }
      err.println("[backend " + loaded.backend().name() + ": " + candidate.name()
          + " cannot be used: " + candidate.unusable() + "]");
    }
    err.flush();
  }

  private static void requirePositive(CommandSpec spec, String flag, @Nullable Integer value) {
    if (value != null && value < 1) {
      throw Usage.wrong(spec, flag + " " + value + " must be at least 1");
    }
  }
}
