package io.pariskv.backend.cuda;

import io.pariskv.attention.PerHeadAttention;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * {@link PerHeadAttention} on the GPU, one launch: a number of blocks that depends on shapes alone shares the
 * tokens of each query head; the last of them to end merges their results.
 */
final class CudaPerHeadAttention implements PerHeadAttention {
  // Of per_head_attention.cu.
  private static final int BLOCK = 128;
  private static final int TILE = 64;

  /** Blocks that a multiprocessor runs at a time, about: their registers allow six. */
  private static final int BLOCKS_OF_MULTIPROCESSOR = 6;

  /** Tokens that are attended besides the selected ones, usually; more are, in a second turn. */
  private static final int NEARBY = 900;

  /** A sequence of the batch can also be dense, and longer than what is usual. */
  private static final int FEWEST_SPLITS = 4;

  /** What a kernel has without asking for more. */
  private static final int SHARED_BYTES = 46 << 10;

  private final Kernels kernels;
  private final CudaFunction bf16;
  private final CudaFunction f32;
  private final StageScratch sums;
  private final StageScratch weights;
  private final StageScratch arrived;

  CudaPerHeadAttention(Kernels kernels) {
    this.kernels = kernels;
    this.bf16 = kernels.function("per_head_attention_bf16");
    this.f32 = kernels.function("per_head_attention_f32");
    this.sums = new StageScratch(kernels, DType.F32);
    this.weights = new StageScratch(kernels, DType.F32);
    this.arrived = new StageScratch(kernels, DType.I32);
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, Selection selection,
      @Nullable Buffer logWeights, Buffer out) {
    CudaKvStore store = CudaKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = batch.rows();
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
    selection.counts().require("selected counts", DType.I32, rows, shape.heads());
    if (logWeights != null) {
      logWeights.require("log-weights", DType.F32, rows, shape.heads(), selection.capacity());
    }
    int window = shape.window(layer);
    int splits = splits(rows * shape.heads(), window > 0 ? window : selection.capacity() + NEARBY);
    long parts = Math.multiplyExact((long) rows, shape.heads()) * splits;
    KernelLaunch launch = kernels.launch().overlapped().grid(splits, shape.heads(), rows)
        .block(BLOCK).shared(sharedBytes(shape));
    store.args(launch, layer).arg(batch.slots()).arg(selection.positions()).arg(selection.counts())
        .arg(logWeights == null ? 0L : KernelLaunch.address(logWeights)).arg(selection.capacity())
        .arg(window).arg(q).arg(scale(shape.headDim())).arg(shape.groupSize()).arg(shape.headDim())
        .arg(sums.atLeast(parts * shape.headDim())).arg(weights.atLeast(2 * parts))
        .arg(arrived.atLeast((long) rows * shape.heads())).arg(out)
        .run(shape.dtype() == DType.BF16 ? bf16 : f32);
  }

  /** Blocks that share a head's tokens: one a tile, as long as all run at a time. */
  private int splits(int heads, int tokens) {
    int resident = BLOCKS_OF_MULTIPROCESSOR * kernels.device().multiprocessors();
    int useful = Math.clamp(Math.ceilDiv(tokens, TILE), FEWEST_SPLITS,
        CudaDecodeAttention.MOST_SPLITS);
    return Math.clamp(resident / heads, FEWEST_SPLITS, useful);
  }

  /** Of scores, to units of log 2, so that the kernel needs no factor in the exponent. */
  private static float scale(int headDim) {
    return (float) (1 / (Math.sqrt(headDim) * Math.log(2)));
  }

  /** What a block holds; see {@code per_head_attention.cu}. */
  private static int sharedBytes(KvShape shape) {
    int headDim = shape.headDim();
    int wide = 16 / shape.dtype().bytes();
    int pieces = headDim % wide == 0 ? headDim / wide : headDim;
    long bytes = 4 * (1L + Math.max(1, BLOCK / pieces)) * headDim;
    if (bytes > SHARED_BYTES) {
      throw new IllegalArgumentException("head size " + headDim + " needs " + bytes
          + " bytes of shared memory, and a block has " + SHARED_BYTES + "; use --backend vector");
    }
    return (int) bytes;
  }
}
