package io.pariskv.kv;

import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.util.Collections;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The geometry of a model's keys and values.
 *
 * @param layers transformer layers
 * @param heads query heads
 * @param kvHeads key and value heads; each serves {@code heads / kvHeads} query heads
 * @param headDim numbers of one head
 * @param dtype type of the stored rows, {@link DType#BF16} or {@link DType#F32}
 * @param windows for each layer the tokens its sliding window attends, 0 where it sees everything
 */
public record KvShape(int layers, int heads, int kvHeads, int headDim, DType dtype,
    List<Integer> windows) {

  /** Checks the geometry; both numbers are in the message. */
  public KvShape {
    if (layers < 1 || heads < 1 || kvHeads < 1 || headDim < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException("layers " + layers + ", heads " + heads + ", kvHeads "
          + kvHeads + ", headDim " + headDim
          + ": all must be positive and heads a multiple of kvHeads");
    }
    if (dtype != DType.BF16 && dtype != DType.F32) {
      throw new IllegalArgumentException("K and V are stored as bf16 or f32, not " + dtype);
    }
    windows = List.copyOf(windows);
    if (windows.size() != layers || windows.stream().anyMatch(window -> window < 0)) {
      throw new IllegalArgumentException(
          "sliding windows " + windows + ": need one of at least 0 for each of "
              + layers + " layers");
    }
  }

  /** A geometry without sliding windows. */
  public KvShape(int layers, int heads, int kvHeads, int headDim, DType dtype) {
    this(layers, heads, kvHeads, headDim, dtype, Collections.nCopies(Math.max(layers, 0), 0));
  }

  /** Query heads that share one KV head. */
  public int groupSize() {
    return heads / kvHeads;
  }

  /** Attended tokens of {@code layer}'s sliding window, or 0 where it sees everything. */
  public int window(int layer) {
    return windows.get(layer);
  }

  /** The first position that the token at {@code position} attends in {@code layer}. */
  public int firstAttended(int layer, int position) {
    return window(layer) == 0 ? 0 : Math.max(0, position - window(layer) + 1);
  }

  /**
   * This geometry for who keeps nothing about the keys of some layers: they are as if a sliding window attended their last
   * token alone.
   */
  public KvShape keptExcept(IntPredicate left) {
    List<Integer> kept = IntStream.range(0, layers)
        .mapToObj(layer -> left.test(layer) ? Math.max(1, window(layer)) : window(layer)).toList();
    return new KvShape(layers, heads, kvHeads, headDim, dtype, kept);
  }

  /** Whether rows of K and V are the same in both, whatever their windows. */
  public boolean sameRows(KvShape other) {
    return layers == other.layers && heads == other.heads && kvHeads == other.kvHeads
        && headDim == other.headDim && dtype == other.dtype;
  }

  /** Bytes of one token's K and V in one layer. */
  public long tokenBytes() {
    return 2L * kvHeads * headDim * dtype.bytes();
  }

  /** Bytes that K and V of {@code tokens} tokens take in all layers, whole slabs. */
  public long bytes(int tokens) {
    return 2L * layers * TokenSlabs.bytes(dtype, kvHeads, headDim, tokens);
  }
}
