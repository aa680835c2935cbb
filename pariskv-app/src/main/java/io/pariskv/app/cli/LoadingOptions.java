package io.pariskv.app.cli;

import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Offload;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** How a model is loaded, whichever it is. */
final class LoadingOptions {
  /** Types that K and V can have. */
  enum KvType {
    BF16(DType.BF16), F32(DType.F32);

    final DType dtype;

    KvType(DType dtype) {
      this.dtype = dtype;
    }
  }

  @Mixin
  BackendOption backend;

  @Option(names = "--kv-dtype", paramLabel = "TYPE", defaultValue = "bf16", description = "How K and V are stored: bf16 or f32 (default: ${DEFAULT-VALUE}).")
  KvType kvType;

  @Option(names = "--prefill-chunk", paramLabel = "N", description = "Prompt tokens of one pass (default: 512, on a GPU 4096).")
  @Nullable
  Integer prefillChunk;

  @Option(names = "--offload", paramLabel = "WHERE", defaultValue = "auto", description = "on keeps K and V in host memory beside a GPU, off in its memory, auto where the whole context fits (default: ${DEFAULT-VALUE}).")
  Offload offload;

  @Option(names = "--row-cache", paramLabel = "ROWS", defaultValue = "auto", description = "Where K and V are in host memory: selected rows that a GPU keeps for each KV head of a layer, off for none, auto for twice --k from 512 on (default: ${DEFAULT-VALUE}).")
  String rowCache;

  /**
   * How to load; nonsense is wrong usage of the command {@code spec}.
   *
   * @param context most tokens of a sequence, 0 for as many as fit
   */
  LoadOptions toLoadOptions(CommandSpec spec, int context) {
    String name = backend.name(spec);
    Usage.requirePositive(spec, "--prefill-chunk", prefillChunk);
    return Usage.check(spec, () -> new LoadOptions(name, kvType.dtype,
        prefillChunk == null ? 0 : prefillChunk, offload, RowCacheSize.parse(rowCache), context));
  }
}
