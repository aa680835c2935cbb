package io.pariskv.backend.cuda;

import io.pariskv.attention.PrefillAttention;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@link PrefillAttention} on the GPU: on tensor cores where K and V are bf16 and the head size is a power
 * of two from 16 to 256, else in f32.
 *
 * <p>One launch, also with offload: {@link KvOffload} has the rows of a layer in device memory by then.
 */
final class CudaPrefillAttention implements PrefillAttention {
  /** Head sizes of the kernels on tensor cores. */
  private static final List<Integer> TILED = List.of(16, 32, 64, 128, 256);

  /** Largest head size of the other kernels. */
  private static final int MAX_HEAD_DIM = 256;

  // Of prefill_attention.cu.
  private static final int TILE_KEYS = 64;
  private static final int TILE_PADDING = 8;
  private static final int TILE_BLOCK = 128;

  // Of prefill_attention_plain.cu.
  private static final int PLAIN_ROWS = 32;
  private static final int PLAIN_BLOCK = 256;

  private static final int WITHOUT_ASKING = 48 << 10; // dynamic shared memory that any kernel may have

  private final Kernels kernels;
  private final Map<Integer, CudaFunction> tiled = new HashMap<>();
  private final CudaFunction plainBf16;
  private final CudaFunction plainF32;

  CudaPrefillAttention(Kernels kernels) {
    this.kernels = kernels;
    for (int headDim : TILED) {
      CudaFunction function = kernels.function("prefill_attention_" + headDim);
      if (tileBytes(headDim) > WITHOUT_ASKING) {
        function.allowShared(tileBytes(headDim));
      }
      tiled.put(headDim, function);
    }
    plainBf16 = kernels.function("prefill_attention_plain_bf16");
    plainF32 = kernels.function("prefill_attention_plain_f32");
  }

  private static int tileRows(int headDim) {
    return headDim == MAX_HEAD_DIM ? 64 : 128;
  }

  private static int tileBytes(int headDim) {
    return (tileRows(headDim) + 2 * TILE_KEYS) * (headDim + TILE_PADDING) * DType.BF16.bytes();
  }

  @Override
  public void attend(KvStore kv, int layer, int slot, int start, Buffer q, Buffer out) {
    CudaKvStore store = CudaKvStore.of(kv);
    Pass pass = new Pass(kv.shape(), layer, start, q, out);
    if (pass.rows == 0) {
      return;
    }
    int to = Math.addExact(start, pass.rows);
    if (to > kv.capacity(slot)) {
      throw new IllegalArgumentException("positions " + start + " to " + (to - 1) + " of slot "
          + slot + ", which has room for " + kv.capacity(slot) + "; reserve them first");
    }
    pass.attend(segment(store, layer, slot, start, to));
  }

  private static KvOffload.Segment segment(CudaKvStore store, int layer, int slot, int start,
      int end) {
    if (store.offloaded()) {
      return store.offload().read(layer, slot, start, end);
    }
    long table = store.slabTable(layer, slot);
    return new KvOffload.Segment(table, table + (long) Long.BYTES * CudaKvStore.MAX_SLABS, 0);
  }

  /** One chunk. */
  final class Pass {
    private final KvShape shape;
    private final int start;
    private final int window;
    private final int rows;
    private final Buffer q;
    private final Buffer out;

    Pass(KvShape shape, int layer, int start, Buffer q, Buffer out) {
      this.shape = shape;
      this.start = start;
      this.window = shape.window(layer);
      this.rows = q.shape().extent(0);
      this.q = q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
      this.out = out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
      if (shape.headDim() > MAX_HEAD_DIM) {
        throw new InputException("head size " + shape.headDim() + " is above " + MAX_HEAD_DIM
            + ", the largest that prefill attention on the GPU takes; use --backend vector");
      }
    }

    void attend(KvOffload.Segment segment) {
      CudaFunction function = shape.dtype() == DType.BF16 ? tiled.get(shape.headDim()) : null;
      KernelLaunch launch = kernels.launch().arg(q).arg(out).arg(segment.keys())
          .arg(segment.values()).arg(segment.firstSlab()).arg(start).arg(rows)
          .arg(shape.groupSize());
      if (function == null) {
        launch.arg(shape.headDim());
      }
      launch.arg(window).arg((float) (1 / (Math.log(2) * Math.sqrt(shape.headDim()))));
      run(launch, function);
    }

    private void run(KernelLaunch launch, @Nullable CudaFunction function) {
      long packed = (long) rows * shape.groupSize();
      if (function == null) {
        launch.grid(KernelLaunch.blocks(packed, PLAIN_ROWS), shape.kvHeads()).block(PLAIN_BLOCK)
            .run(shape.dtype() == DType.BF16 ? plainBf16 : plainF32);
      } else {
        launch.grid(KernelLaunch.blocks(packed, tileRows(shape.headDim())), shape.kvHeads())
            .block(TILE_BLOCK).shared(tileBytes(shape.headDim())).run(function);
      }
    }
  }
}
