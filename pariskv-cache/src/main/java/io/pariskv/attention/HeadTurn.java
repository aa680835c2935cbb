package io.pariskv.attention;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import org.jspecify.annotations.Nullable;

/**
 * What happens to the heads of queries and keys before they are attended.
 *
 * @param angles {@code [rows][2][headDim/2] f32} of the pass, from {@link io.pariskv.layer.Rotary#angles}
 * @param qNorm {@code [headDim] f32}, weights of the QK-norm of queries, or null where there is none
 * @param kNorm {@code [headDim] f32}, weights of the QK-norm of keys, or null where there is none
 * @param epsilon of the norms
 */
public record HeadTurn(Buffer angles, @Nullable Buffer qNorm, @Nullable Buffer kNorm,
    float epsilon) {

  /** A rotation alone. */
  public static HeadTurn rotary(Buffer angles) {
    return new HeadTurn(angles, null, null, 0);
  }

  /**
   * Checks that this and the new rows fit each other and the store.
   *
   * @param q {@code [rows][heads][headDim] f32}
   * @param k {@code [rows][kvHeads][headDim] f32}
   * @param v {@code [rows][kvHeads][headDim] f32}
   * @throws IllegalArgumentException if they do not; the message names both shapes
   */
  public void require(KvShape shape, int rows, Buffer q, Buffer k, Buffer v) {
    int width = shape.headDim();
    if (width % 2 != 0) {
      throw new IllegalArgumentException(
          "rotary embedding pairs the numbers of a head, and there are "
              + width + " in one; an even head size is needed");
    }
    q.require("queries", DType.F32, rows, shape.heads(), width);
    k.require("keys", DType.F32, rows, shape.kvHeads(), width);
    v.require("values", DType.F32, rows, shape.kvHeads(), width);
    angles.require("rotary table", DType.F32, rows, 2, width / 2);
    if (qNorm != null) {
      qNorm.require("weights of the query norm", DType.F32, width);
    }
    if (kNorm != null) {
      kNorm.require("weights of the key norm", DType.F32, width);
    }
  }
}
