package io.pariskv.backend.cuda;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * {@link DecodeAttention} on the GPU, one launch: a number of blocks that depends on the batch alone shares the
 * attended tokens of each KV head, which only the device can count; the last of them to end merges their
 * results.
 *
 * <p>On tensor cores for bf16 rows of head size 64 or 128, else in plain f32.
 */
final class CudaDecodeAttention implements DecodeAttention {
  private static final int BLOCK = 128;
  /** Query heads that a block serves, so that it reads K and V once: {@code BLOCK_HEADS} of shares.cuh. */
  static final int HEADS = 8;
  /** Keeps all multiprocessors busy also when one sequence of a batch is far longer than the others. */
  private static final int FEWEST_SPLITS = 16;
  /** {@code MOST_SHARES} of shares.cuh. */
  static final int MOST_SPLITS = 128;
  /** Blocks of the plain kernel that a multiprocessor holds at head size 256, for want of shared memory. */
  private static final int PLAIN_BLOCKS = 4;

  // Of decode_attention.cu.
  private static final int TILE = 16;
  private static final int WARPS = BLOCK / 32;

  /**
   * Tokens that a step with a selection attends besides: sink, local window and update buffer of the published
   * settings are 832. More are attended as well, in a second turn.
   */
  private static final int NEARBY = 900;
  /** Also with a selection a sequence can be dense and longer than that. */
  private static final int FEWEST_SPLITS_SELECTED = 4;

  /** A kernel, how many of its blocks run at a time, and whether it is made for one head size. */
  private record Attend(CudaFunction function, int resident, boolean tensorCores) {
  }

  private final Kernels kernels;
  private final Attend bf16Of64;
  private final Attend bf16Of128;
  private final Attend bf16;
  private final Attend f32;
  private final StageScratch sums;
  private final StageScratch weights;
  private final StageScratch arrived;

  CudaDecodeAttention(Kernels kernels) {
    this.kernels = kernels;
    this.bf16Of64 = tensorCores("decode_attention_64", 64);
    this.bf16Of128 = tensorCores("decode_attention_128", 128);
    this.bf16 = plain("decode_attention_bf16");
    this.f32 = plain("decode_attention_f32");
    this.sums = new StageScratch(kernels, DType.F32);
    this.weights = new StageScratch(kernels, DType.F32);
    this.arrived = new StageScratch(kernels, DType.I32);
  }

  private Attend tensorCores(String name, int headDim) {
    int shared = tileBytes(headDim);
    CudaFunction function = kernels.function(name).allowShared(shared);
    return new Attend(function,
        function.blocksPerMultiprocessor(BLOCK, shared) * kernels.device().multiprocessors(), true);
  }

  private Attend plain(String name) {
    CudaFunction function = kernels.function(name).allowShared(kernels.device().sharedBytes());
    return new Attend(function, PLAIN_BLOCKS * kernels.device().multiprocessors(), false);
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, @Nullable Selection selection,
      Buffer out) {
    attend(kv, layer, batch, q, kv.shape().window(layer), selection, out);
  }

  @Override
  public void attendAll(KvStore kv, int layer, Batch batch, Buffer q, Buffer out) {
    int window = kv.shape().window(layer);
    attend(kv, layer, batch, q, window > 0 ? window : Integer.MAX_VALUE, null, out);
  }

  private void attend(KvStore kv, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out) {
    CudaKvStore store = CudaKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = batch.rows();
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
    if (selection != null) {
      selection.counts().require("selected counts", DType.I32, rows, shape.kvHeads());
    }
    Attend attend = attend(shape);
    Selection selected = window > 0 ? null : selection;
    int headBlocks = shape.kvHeads() * Math.ceilDiv(shape.groupSize(), HEADS);
    int splits = splits(attend, rows * headBlocks, selected);
    long parts = Math.multiplyExact((long) rows, shape.heads()) * splits;

    KernelLaunch launch = kernels.launch().overlapped().grid(splits, headBlocks, rows).block(BLOCK);
    store.args(launch, layer).arg(batch.slots());
    if (selected == null) {
      launch.arg(0L).arg(0L).arg(0);
    } else {
      launch.arg(selected.positions()).arg(selected.counts()).arg(selected.capacity());
    }
    launch.arg(window).arg(q).arg(scale(shape.headDim())).arg(shape.kvHeads())
        .arg(shape.groupSize());
    if (attend.tensorCores) {
      launch.shared(tileBytes(shape.headDim()));
    } else {
      launch.shared(plainBytes(shape.headDim())).arg(shape.headDim());
    }
    launch.arg(sums.atLeast(parts * shape.headDim())).arg(weights.atLeast(2 * parts))
        .arg(arrived.atLeast((long) rows * headBlocks)).arg(out).run(attend.function);
  }

  private Attend attend(KvShape shape) {
    if (shape.dtype() == DType.F32) {
      return f32;
    }
    return switch (shape.headDim()) {
      case 64 -> bf16Of64;
      case 128 -> bf16Of128;
      default -> bf16;
    };
  }

  /**
   * Blocks that share a KV head's tokens. How many tokens there are is not known here, but with a selection
   * there are few: so many blocks then that each warp has one tile to ask for. Otherwise whole turns of the GPU.
   */
  private static int splits(Attend attend, int heads, @Nullable Selection selection) {
    if (selection != null && attend.tensorCores) {
      int useful = Math.ceilDiv(selection.capacity() + NEARBY, WARPS * TILE);
      return Math.min(useful, Math.clamp(attend.resident / heads, FEWEST_SPLITS_SELECTED,
          MOST_SPLITS));
    }
    int turns = Math.ceilDiv(FEWEST_SPLITS * heads, attend.resident);
    return Math.clamp((long) turns * attend.resident / heads, FEWEST_SPLITS, MOST_SPLITS);
  }

  /** Of scores, to units of log 2, so that the kernels need no factor in the exponent. */
  private static float scale(int headDim) {
    return (float) (1 / (Math.sqrt(headDim) * Math.log(2)));
  }

  /** Shared memory of a block on tensor cores; see {@code decode_attention.cu}. */
  private static int tileBytes(int headDim) {
    return 256 * (2 * headDim + 16);
  }

  /** What a block of the plain kernel holds; see {@code decode_attention_any.cu}. */
  private int plainBytes(int headDim) {
    long bytes = 4 * Math.max(48L * headDim + 152, HEADS * MOST_SPLITS);
    int most = kernels.device().sharedBytes();
    if (bytes > most) {
      throw new IllegalArgumentException("head size " + headDim + " needs " + bytes
          + " bytes of shared memory, and a block on this GPU has " + most
          + "; use --backend vector");
    }
    return (int) bytes;
  }
}
