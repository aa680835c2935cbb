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
 * {@link DecodeAttention} on the GPU: a number of blocks that depends on the batch alone shares the attended
 * tokens of each KV head, which only the device can count; a second kernel merges their results.
 *
 * <p>On tensor cores for bf16 rows of head size 64 or 128, else in plain f32.
 */
final class CudaDecodeAttention implements DecodeAttention {
  private static final int BLOCK = 128;
  /** Query heads that a block serves, so that it reads K and V once. */
  private static final int HEADS = 8;
  /** Keeps all multiprocessors busy also when one sequence of a batch is far longer than the others. */
  private static final int FEWEST_SPLITS = 16;
  /** What {@code decode_merge} takes. */
  private static final int MOST_SPLITS = 128;
  /** Blocks of the plain kernel that a multiprocessor holds at head size 256, for want of shared memory. */
  private static final int PLAIN_BLOCKS = 4;

  /** A kernel, how many of its blocks run at a time, and whether it is made for one head size. */
  private record Attend(CudaFunction function, int resident, boolean tensorCores) {
  }

  private final Kernels kernels;
  private final Attend bf16Of64;
  private final Attend bf16Of128;
  private final Attend bf16;
  private final Attend f32;
  private final CudaFunction merge;
  private final DeviceAllocator scratch;
  private Buffer sums;
  private Buffer weights;

  CudaDecodeAttention(Kernels kernels) {
    this.kernels = kernels;
    this.bf16Of64 = tensorCores("decode_attention_64");
    this.bf16Of128 = tensorCores("decode_attention_128");
    this.bf16 = plain("decode_attention_bf16");
    this.f32 = plain("decode_attention_f32");
    this.merge = kernels.function("decode_merge");
    this.scratch = new DeviceAllocator(kernels.stream()); // lives as long as the context
    this.sums = scratch.allocate(DType.F32, 0);
    this.weights = scratch.allocate(DType.F32, 0);
  }

  private Attend tensorCores(String name) {
    CudaFunction function = kernels.function(name);
    return new Attend(function,
        function.blocksPerMultiprocessor(BLOCK, 0) * kernels.device().multiprocessors(), true);
  }

  private Attend plain(String name) {
    CudaFunction function = kernels.function(name).allowShared(kernels.device().sharedBytes());
    return new Attend(function, PLAIN_BLOCKS * kernels.device().multiprocessors(), false);
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, @Nullable Selection selection,
      Buffer out) {
    CudaKvStore store = CudaKvStore.of(kv);
    KvShape shape = kv.shape();
    int rows = batch.rows();
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
    if (selection != null) {
      selection.counts().require("selected counts", DType.I32, rows, shape.kvHeads());
    }
    Attend attend = attend(shape);
    int heads = shape.kvHeads() * Math.ceilDiv(shape.groupSize(), HEADS);
    int splits = splits(attend.resident, (long) rows * heads);
    reserve((long) rows * shape.heads() * splits, shape.headDim());

    KernelLaunch launch = kernels.launch().grid(splits, heads, rows).block(BLOCK);
    store.args(launch, layer).arg(batch.slots());
    if (selection == null) {
      launch.arg(0L).arg(0L).arg(0);
    } else {
      launch.arg(selection.positions()).arg(selection.counts()).arg(selection.capacity());
    }
    launch.arg(shape.window(layer)).arg(q).arg(scale(shape.headDim())).arg(shape.kvHeads())
        .arg(shape.groupSize());
    if (!attend.tensorCores) {
      launch.shared(sharedBytes(shape.headDim())).arg(shape.headDim());
    }
    launch.arg(sums).arg(weights).run(attend.function);
    kernels.launch().grid(Math.multiplyExact(rows, shape.heads())).block(BLOCK).arg(sums)
        .arg(weights).arg(splits).arg(shape.headDim()).arg(out).run(merge);
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

  /** The same for every context: how many tokens there are is not known here. */
  private static int splits(int resident, long heads) {
    return Math.clamp(resident / heads, FEWEST_SPLITS, MOST_SPLITS);
  }

  /** Of scores, to units of log 2, so that the kernels need no factor in the exponent. */
  private static float scale(int headDim) {
    return (float) (1 / (Math.sqrt(headDim) * Math.log(2)));
  }

  /** What a block of the plain kernel holds; see {@code decode_attention_any.cu}. */
  private int sharedBytes(int headDim) {
    long bytes = 4L * (48L * headDim + 152);
    int most = kernels.device().sharedBytes();
    if (bytes > most) {
      throw new IllegalArgumentException("head size " + headDim + " needs " + bytes
          + " bytes of shared memory, and a block on this GPU has " + most
          + "; use --backend vector");
    }
    return (int) bytes;
  }

  /** Makes scratch memory; what there was stays, as a recorded step may use it. */
  private void reserve(long parts, int headDim) {
    if (sums.shape().elements() < parts * headDim) {
      sums = scratch.allocate(DType.F32, parts * headDim);
    }
    if (weights.shape().elements() < 2 * parts) {
      weights = scratch.allocate(DType.F32, 2 * parts);
    }
  }
}
