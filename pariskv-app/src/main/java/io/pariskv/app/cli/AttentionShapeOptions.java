package io.pariskv.app.cli;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import java.util.List;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** The geometry of one layer's attention. */
final class AttentionShapeOptions {
  private static final int MAX_HEADS = 128;
  private static final int MAX_HEAD_DIM = 256;

  @Option(names = "--kv-heads", paramLabel = "N", defaultValue = "8", description = "Default: ${DEFAULT-VALUE}.")
  private int kvHeads;
  @Option(names = "--heads", paramLabel = "N", defaultValue = "32", description = "Default: ${DEFAULT-VALUE}.")
  private int heads;
  @Option(names = "--head-dim", paramLabel = "N", defaultValue = "128", description = "Default: ${DEFAULT-VALUE}.")
  private int headDim;

  /** One layer in bf16 that every method can serve; nonsense is wrong usage. */
  KvShape toShape(CommandSpec spec, List<AttentionMethod> methods) {
    Usage.requireRange(spec, "--kv-heads", kvHeads, MAX_HEADS);
    Usage.requireRange(spec, "--heads", heads, MAX_HEADS);
    Usage.requireRange(spec, "--head-dim", headDim, MAX_HEAD_DIM);
    if (heads % kvHeads != 0) {
      throw Usage.wrong(spec,
          "--heads " + heads + " must be a multiple of --kv-heads " + kvHeads);
    }
    KvShape shape = new KvShape(1, heads, kvHeads, headDim, DType.BF16);
    return Usage.check(spec, () -> {
      methods.forEach(method -> method.check(shape));
      return shape;
    });
  }
}
