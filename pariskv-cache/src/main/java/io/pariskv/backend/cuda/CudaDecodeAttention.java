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
  /** More take longer to merge than they save. */
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

  /**
   * A kernel, how many of its blocks run at a time, whether it is made for one head size, and how much dynamic shared
   * memory a block can have.
   */
  private record Attend(CudaFunction function, int resident, boolean tensorCores, int most) {
  }

  private final Kernels kernels;
  private final Attend bf16Of64;
  private final Attend bf16Of128;
  private final Attend bf16;
  private final Attend f32;
  private final CudaRowLookup lookup;
  private final StageScratch sums;
  private final StageScratch weights;
  private final StageScratch arrived;

  CudaDecodeAttention(Kernels kernels) {
    this.kernels = kernels;
    this.bf16Of64 = tensorCores("decode_attention_64", 64);
    this.bf16Of128 = tensorCores("decode_attention_128", 128);
    this.bf16 = plain("decode_attention_bf16");
    this.f32 = plain("decode_attention_f32");
    this.lookup = new CudaRowLookup(kernels);
    this.sums = new StageScratch(kernels, DType.F32);
    this.weights = new StageScratch(kernels, DType.F32);
    this.arrived = new StageScratch(kernels, DType.I32);
  }

  private Attend tensorCores(String name, int headDim) {
    int shared = tileBytes(headDim);
    int most = Math.max(shared, aloneBytes());
    CudaFunction function = kernels.function(name).allowShared(most);
    return new Attend(function,
        function.blocksPerMultiprocessor(BLOCK, shared) * kernels.device().multiprocessors(), true,
        most);
  }

  private Attend plain(String name) {
    CudaFunction function = kernels.function(name);
    int most = function.allowMostShared();
    return new Attend(function, PLAIN_BLOCKS * kernels.device().multiprocessors(), false, most);
  }

  /** Scratch memory of a launch. */
  private record Parts(Buffer sums, Buffer weights, Buffer arrived) {
  }

  /** A call that is checked and has its scratch memory: only the launch can fail. */
  private record Call(CudaKvStore store, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out, Attend attend, int splits, int shared,
      Parts parts) {
  }

  /**
   * {@inheritDoc} If the store has a cache of rows with places for all that can be selected, it is looked up there first,
   * in a launch more. A method whose number of keys follows from the prompt can select more; all its rows then come from
   * where the store has them.
   */
  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out) {
    Call call = check(CudaKvStore.of(kv), layer, batch, q, window, selection, out);
    CudaRowCache cache = call.store.rowCache();
    launch(call, cache == null || call.selection == null
        || call.selection.capacity() > cache.rows()
            ? null
            : lookup.lookUp(call.store, cache, layer, batch, call.selection));
  }

  /**
   * The same with a cache of rows that somebody else looks after.
   *
   * @param sources where the rows of {@code selection} are, which then says no more than how many there are
   */
  void attend(KvStore kv, int layer, Batch batch, Buffer q, Selection selection,
      RowSources sources, Buffer out) {
    CudaKvStore store = CudaKvStore.of(kv);
    launch(check(store, layer, batch, q, store.shape().window(layer), selection, out), sources);
  }

  private Call check(CudaKvStore store, int layer, Batch batch, Buffer q, int window,
      @Nullable Selection selection, Buffer out) {
    KvShape shape = store.shape();
    int rows = batch.rows();
    q.require("queries", DType.F32, rows, shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, rows, shape.heads(), shape.headDim());
    if (selection != null) {
      selection.counts().require("selected counts", DType.I32, rows, shape.kvHeads());
    }
    Attend attend = attend(shape);
    Selection selected = window > 0 ? null : selection;
    boolean fromHost = selected != null && attend.tensorCores && store.isOffloaded();
    int splits = splits(fromHost ? kernels.device().multiprocessors() : attend.resident,
        rows * headBlocks(shape), attend.tensorCores ? selected : null);
    long parts = Math.multiplyExact((long) rows, shape.heads()) * splits;
    Parts scratch = new Parts(sums.atLeast(parts * shape.headDim()), weights.atLeast(2 * parts),
        arrived.atLeast((long) rows * headBlocks(shape)));
    int shared = !attend.tensorCores
        ? plainBytes(attend, shape.headDim())
        : fromHost ? attend.most : tileBytes(shape.headDim());
    return new Call(store, layer, batch, q, window, selected, out, attend, splits, shared,
        scratch);
  }

  private static int headBlocks(KvShape shape) {
    return shape.kvHeads() * Math.ceilDiv(shape.groupSize(), HEADS);
  }

  private void launch(Call call, @Nullable RowSources sources) {
    KvShape shape = call.store.shape();
    KernelLaunch launch = kernels.launch().overlapped().block(BLOCK).shared(call.shared)
        .grid(call.splits, headBlocks(shape), call.batch.rows());
    call.store.args(launch, call.layer).arg(call.batch.slots());
    Selection selected = call.selection;
    if (selected == null) {
      launch.arg(0L).arg(0L).arg(0);
    } else {
      launch.arg(selected.positions()).arg(selected.counts()).arg(selected.capacity());
    }
    if (sources == null || selected == null) {
      launch.arg(0L).arg(0L).arg(0L).arg(0);
    } else {
      launch.arg(sources.sources()).arg(sources.misses()).arg(sources.table())
          .arg(sources.cachedRows());
    }
    launch.arg(call.window).arg(call.q).arg(scale(shape.headDim()))
        .arg(shape.kvHeads())
        .arg(shape.groupSize());
    if (!call.attend.tensorCores) {
      launch.arg(shape.headDim());
    }
    launch.arg(call.parts.sums).arg(call.parts.weights).arg(call.parts.arrived).arg(call.out)
        .run(call.attend.function);
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
  private static int splits(int resident, int heads, @Nullable Selection selection) {
    if (selection != null) {
      int useful = Math.ceilDiv(selection.capacity() + NEARBY, WARPS * TILE);
      return Math.min(useful, Math.clamp(resident / heads, FEWEST_SPLITS_SELECTED,
          MOST_SPLITS));
    }
    int turns = Math.ceilDiv(FEWEST_SPLITS * heads, resident);
    return Math.clamp((long) turns * resident / heads, FEWEST_SPLITS, MOST_SPLITS);
  }

  /** Of scores, to units of log 2, so that the kernels need no factor in the exponent. */
  private static float scale(int headDim) {
    return (float) (1 / (Math.sqrt(headDim) * Math.log(2)));
  }

  /** Shared memory of a block on tensor cores; see {@code decode_attention.cu}. */
  private static int tileBytes(int headDim) {
    return 256 * (2 * headDim + 16);
  }

  /**
   * So much that a multiprocessor has room for one block. Where selected rows come from host memory, all multiprocessors
   * have to ask for them alike: one has few requests to the host on their way at a time, on an H100 about 500 bytes a
   * microsecond, a hundredth of the bus.
   */
  private int aloneBytes() {
    return kernels.device().sharedBytes() / 2;
  }

  /** What a block of the plain kernel holds; see {@code decode_attention_any.cu}. */
  private int plainBytes(Attend attend, int headDim) {
    long bytes = 4 * (48L * headDim + 152);
    if (bytes > attend.most) {
      throw new IllegalArgumentException("head size " + headDim + " needs " + bytes
          + " bytes of shared memory, and a block on this GPU has "
          + kernels.device().sharedBytes() + " in all"
          + "; use --backend vector");
    }
    return (int) bytes;
  }
}
