package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicIntegerArray;

/**
 * Attention of query heads over tokens that those of a set share: the heads of a group, or one head. The tokens
 * of each row and set are split into pieces of about equal length, so that one sequence with two KV heads keeps
 * every core busy; a piece gives a {@linkplain PartialAttention partial result}, and whoever finishes the
 * last piece of a row and set merges them.
 */
final class PiecewiseAttention {
  /** Pieces a thread should get, so that all end at about the same time. */
  private static final int PIECES_PER_THREAD = 8;

  /** Bounds of a piece's tokens: worth starting, and short enough for sums in f32. */
  private static final int LEAST = 128;

  private static final int MOST = 4096;

  /** What a set attends. */
  @FunctionalInterface
  interface Tokens {
    /** The tokens of set {@code set} of all rows' sets, in a sequence with those zones. */
    AttendedTokens of(TokenZones zones, int set);
  }

  private final Workers workers;
  private final ThreadLocal<PartialAttention> paired = ThreadLocal
      .withInitial(PairedAttention::new);
  private final ThreadLocal<PartialAttention> widened = ThreadLocal
      .withInitial(WidenedAttention::new);
  private float[] partials = {};

  PiecewiseAttention(Workers workers) {
    this.workers = workers;
  }

  /** One call: what each row and set attends, and its pieces. */
  private record Plan(HostKvStore store, int layer, Batch batch, KvShape sets,
      AttendedTokens[] tokens, int[] firstPiece, int[] setOfPiece, AtomicIntegerArray unfinished) {

    int slot(int set) {
      return slotOf(batch, set / sets.kvHeads());
    }

    /** The KV head of the store that the set reads. */
    int kvHead(int set) {
      return set % sets.kvHeads() / (sets.kvHeads() / store.shape().kvHeads());
    }
  }

  private static int slotOf(Batch batch, int row) {
    return Raw.getInt(batch.slots().address() + 4L * row);
  }

  /**
   * Attends.
   *
   * @param q {@code [rows][heads][headDim] f32}
   * @param sets the store's geometry with the sets as KV heads, a multiple of those of the store
   * @param out {@code [rows][heads][headDim] f32}
   */
  void attend(HostKvStore store, int layer, Batch batch, Buffer q, KvShape sets, Tokens tokens,
      Buffer out) {
    Plan plan = plan(store, layer, batch, sets, tokens, workers.count());
    int size = PartialResults.size(sets);
    partials = Floats.grown(partials, (long) plan.setOfPiece.length * size);
    workers.run(plan.setOfPiece.length, piece -> {
      attendPiece(plan, piece, q, partials, piece * size);
      int set = plan.setOfPiece[piece];
      if (plan.unfinished.decrementAndGet(set) == 0) {
        int first = plan.firstPiece[set];
        PartialResults.merge(sets, partials, first * size, plan.firstPiece[set + 1] - first,
            out.address() + offset(sets, set));
      }
    });
  }

  private static Plan plan(HostKvStore store, int layer, Batch batch, KvShape sets, Tokens attended,
      int threads) {
    int count = batch.rows() * sets.kvHeads();
    AttendedTokens[] tokens = new AttendedTokens[count];
    long total = 0;
    for (int set = 0; set < count; set++) {
      tokens[set] = attended.of(store.zones(slotOf(batch, set / sets.kvHeads())), set);
      total += tokens[set].count();
    }
    int piece = Math.clamp(total / ((long) PIECES_PER_THREAD * threads), LEAST, MOST);
    int[] firstPiece = new int[count + 1];
    AtomicIntegerArray unfinished = new AtomicIntegerArray(count);
    for (int set = 0; set < count; set++) {
      int pieces = Math.max(1, (tokens[set].count() + piece - 1) / piece);
      unfinished.set(set, pieces);
      firstPiece[set + 1] = firstPiece[set] + pieces;
    }
    int[] setOfPiece = new int[firstPiece[count]];
    for (int set = 0; set < count; set++) {
      Arrays.fill(setOfPiece, firstPiece[set], firstPiece[set + 1], set);
    }
    return new Plan(store, layer, batch, sets, tokens, firstPiece, setOfPiece, unfinished);
  }

  private void attendPiece(Plan plan, int piece, Buffer q, float[] partials, int at) {
    KvShape sets = plan.sets;
    int set = plan.setOfPiece[piece];
    int slot = plan.slot(set);
    AttendedTokens tokens = plan.tokens[set];
    int first = plan.firstPiece[set];
    int pieces = plan.firstPiece[set + 1] - first;
    boolean pairs = tokens.logWeights() == 0
        && PairKernel.serves(sets.dtype(), sets.headDim(), sets.groupSize());
    PartialAttention local = (pairs ? paired : widened).get();
    local.begin(sets, q.address() + offset(sets, set));
    local.attend(plan.store.keys(plan.layer, slot), plan.store.values(plan.layer, slot),
        plan.kvHead(set), tokens, Ranges.bound(tokens.count(), piece - first, pieces),
        Ranges.bound(tokens.count(), piece - first + 1, pieces));
    local.finish(partials, at);
  }

  /** Bytes from the start of the queries to those of row and set {@code set}. */
  private static long offset(KvShape sets, int set) {
    return 4L * set * sets.groupSize() * sets.headDim();
  }
}
