package io.pariskv.backend.vector;

import io.pariskv.attention.DecodeAttention;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.jspecify.annotations.Nullable;

/**
 * {@link DecodeAttention} on vectors and all cores. The tokens of each row and KV head are split into
 * pieces of about equal length, so that one sequence with two KV heads keeps every core busy; a piece
 * gives a {@linkplain PartialAttention partial result}, and whoever finishes the last piece of a row and
 * KV head merges them.
 */
final class VectorDecodeAttention implements DecodeAttention {
  /** Pieces a thread should get, so that all end at about the same time. */
  private static final int PIECES_PER_THREAD = 8;

  /** Bounds of a piece's tokens: worth starting, and short enough for sums in f32. */
  private static final int LEAST = 128;

  private static final int MOST = 4096;

  private final Workers workers;
  private final ThreadLocal<PartialAttention> paired = ThreadLocal
      .withInitial(PairedAttention::new);
  private final ThreadLocal<PartialAttention> widened = ThreadLocal
      .withInitial(WidenedAttention::new);
  private float[] partials = {};

  VectorDecodeAttention(Workers workers) {
    this.workers = workers;
  }

  /** One call: what each row and KV head attends, and its pieces. */
  private record Plan(HostKvStore store, int layer, Batch batch, AttendedTokens[] tokens,
      int[] firstPiece, int[] pairOfPiece, AtomicIntegerArray unfinished) {

    int slot(int pair) {
      return slotOf(batch, pair / store.shape().kvHeads());
    }
  }

  private static int slotOf(Batch batch, int row) {
    return Raw.getInt(batch.slots().address() + 4L * row);
  }

  @Override
  public void attend(KvStore kv, int layer, Batch batch, Buffer q, @Nullable Selection selection,
      Buffer out) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    out.require("attended rows", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    if (selection != null) {
      selection.counts().require("selected counts", DType.I32, batch.rows(), shape.kvHeads());
    }
    Plan plan = plan(store, layer, batch, selection, workers.count());
    int size = PartialResults.size(shape);
    partials = Floats.grown(partials, (long) plan.pairOfPiece.length * size);
    workers.run(plan.pairOfPiece.length, piece -> {
      attendPiece(plan, piece, q, partials, piece * size);
      int pair = plan.pairOfPiece[piece];
      if (plan.unfinished.decrementAndGet(pair) == 0) {
        int first = plan.firstPiece[pair];
        PartialResults.merge(shape, partials, first * size, plan.firstPiece[pair + 1] - first,
            out.address() + offset(shape, pair));
      }
    });
  }

  private static Plan plan(HostKvStore store, int layer, Batch batch,
      @Nullable Selection selection, int threads) {
    int kvHeads = store.shape().kvHeads();
    int pairs = batch.rows() * kvHeads;
    AttendedTokens[] tokens = new AttendedTokens[pairs];
    long total = 0;
    for (int pair = 0; pair < pairs; pair++) {
      tokens[pair] = AttendedTokens.of(store.zones(slotOf(batch, pair / kvHeads)),
          store.shape().window(layer), selection, pair);
      total += tokens[pair].count();
    }
    int piece = Math.clamp(total / ((long) PIECES_PER_THREAD * threads), LEAST, MOST);
    int[] firstPiece = new int[pairs + 1];
    AtomicIntegerArray unfinished = new AtomicIntegerArray(pairs);
    for (int pair = 0; pair < pairs; pair++) {
      int pieces = Math.max(1, (tokens[pair].count() + piece - 1) / piece);
      unfinished.set(pair, pieces);
      firstPiece[pair + 1] = firstPiece[pair] + pieces;
    }
    int[] pairOfPiece = new int[firstPiece[pairs]];
    for (int pair = 0; pair < pairs; pair++) {
      Arrays.fill(pairOfPiece, firstPiece[pair], firstPiece[pair + 1], pair);
    }
    return new Plan(store, layer, batch, tokens, firstPiece, pairOfPiece, unfinished);
  }

  private void attendPiece(Plan plan, int piece, Buffer q, float[] partials, int at) {
    KvShape shape = plan.store.shape();
    int pair = plan.pairOfPiece[piece];
    int slot = plan.slot(pair);
    AttendedTokens tokens = plan.tokens[pair];
    int first = plan.firstPiece[pair];
    int pieces = plan.firstPiece[pair + 1] - first;
    boolean pairs = PairKernel.serves(shape.dtype(), shape.headDim(), shape.groupSize());
    PartialAttention local = (pairs ? paired : widened).get();
    local.begin(shape, q.address() + offset(shape, pair));
    local.attend(plan.store.keys(plan.layer, slot), plan.store.values(plan.layer, slot),
        pair % shape.kvHeads(), tokens, Ranges.bound(tokens.count(), piece - first, pieces),
        Ranges.bound(tokens.count(), piece - first + 1, pieces));
    local.finish(partials, at);
  }

  /** Bytes from the start of the queries to those of row and KV head {@code pair}. */
  private static long offset(KvShape shape, int pair) {
    return 4L * pair * shape.groupSize() * shape.headDim();
  }
}
