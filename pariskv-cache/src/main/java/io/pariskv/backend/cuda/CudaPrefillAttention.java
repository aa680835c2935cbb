package io.pariskv.backend.cuda;

import io.pariskv.attention.PrefillAttention;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@link PrefillAttention} on the GPU: on tensor cores where K and V are bf16 and the head size is a power
 * of two from 16 to 256, else in f32.
 *
 * <p>With offload the keys come in several segments, a launch each; sums and maxima of a row stay in {@code
 * out} and in 8 bytes of scratch memory a row and head meanwhile, which grow with the longest chunk and stay.
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
  private final DeviceAllocator memory;
  private @Nullable Buffer state;

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
    memory = new DeviceAllocator(kernels.stream());
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
    if (store.offloaded()) {
      store.offload().read(layer, slot, pass.from(), to, pass);
    } else {
      long table = store.slabTable(layer, slot);
      pass.read(new KvOffload.Segment(table, table + (long) Long.BYTES * CudaKvStore.MAX_SLABS, 0,
          (int) TokenSlabs.slabs(to)), true);
    }
  }

  /** One chunk: a launch for each segment of the keys. */
  final class Pass implements KvOffload.Reader {
    private final KvShape shape;
    private final int start;
    private final int window;
    private final int rows;
    private final Buffer q;
    private final Buffer out;
    private boolean first = true;

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

    /** First position that a row attends. */
    int from() {
      return window > 0 ? Math.max(0, start - window + 1) : 0;
    }

    @Override
    public void read(KvOffload.Segment segment, boolean last) {
      CudaFunction function = shape.dtype() == DType.BF16 ? tiled.get(shape.headDim()) : null;
      KernelLaunch launch = kernels.launch().arg(q).arg(out)
          .arg(first && last ? 0L : state((long) rows * shape.heads()))
          .arg(segment.keys()).arg(segment.values()).arg(segment.firstSlab()).arg(segment.slabs())
          .arg(start).arg(rows).arg(shape.groupSize());
      if (function == null) {
        launch.arg(shape.headDim());
      }
      launch.arg(window).arg((float) (1 / (Math.log(2) * Math.sqrt(shape.headDim()))))
          .arg(first ? 1 : 0).arg(last ? 1 : 0);
      run(launch, function);
      first = false;
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

  /** Address of two numbers a row and head; what was given before stays. */
  private long state(long entries) {
    Buffer current = state;
    if (current == null || current.shape().axis(0) < entries) {
      current = memory.allocate(DType.F32, Math.max(entries, 2 * capacity()), 2);
      state = current;
    }
    return current.address();
  }

  private long capacity() {
    return state == null ? 0 : state.shape().axis(0);
  }
}
