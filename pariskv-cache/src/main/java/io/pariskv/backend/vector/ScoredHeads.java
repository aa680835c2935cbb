package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.GE;

import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.KeyScores;
import jdk.incubator.vector.FloatVector;

/**
 * The queries that keys or pages are scored by, and inner products in the order that {@link KeyScores} fixes: a vector has
 * as many neighbouring sums as it has lanes.
 *
 * @param queries rows of {@code width} numbers, zeros behind the head
 * @param perKvHead rows of each KV head
 * @param width the head size, rounded up to whole sets of sums
 */
record ScoredHeads(float[] queries, int perKvHead, int width) {
  private static final int SUMS = KeyScores.SUMS;
  private static final int LANES = Species.FLOATS.length();

  /** The query heads of {@code q}, {@code [rows][heads][headDim] f32}; or of each group the mean. */
  static ScoredHeads of(KvShape shape, int rows, Buffer q, Grouping grouping) {
    int headDim = shape.headDim();
    int width = (headDim + SUMS - 1) / SUMS * SUMS;
    int added = grouping == Grouping.MEAN ? shape.groupSize() : 1;
    int heads = rows * shape.heads() / added;
    float[] queries = new float[Math.multiplyExact(heads, width)];
    for (int head = 0; head < heads; head++) {
      long from = q.address() + 4L * head * added * headDim;
      Floats.read(q.dtype(), from, queries, head * width, headDim);
      for (int i = 0; i < headDim && added > 1; i++) {
        float sum = queries[head * width + i];
        for (int other = 1; other < added; other++) {
          sum += Raw.getFloat(from + 4L * ((long) other * headDim + i));
        }
        queries[head * width + i] = sum / added;
      }
    }
    return new ScoredHeads(queries, shape.groupSize() / added, width);
  }

  /** A row to read keys into, zeros behind the head. */
  float[] newRow() {
    return new float[width];
  }

  /** The same for heads of that size. */
  static float[] newRow(int headDim) {
    return new float[(headDim + SUMS - 1) / SUMS * SUMS];
  }

  /** The inner product of query {@code head} and a key of {@link #width} numbers. */
  float dot(int head, float[] key, float[] sums) {
    return dot(queries, head * width, key, sums);
  }

  /** The inner product of two rows as {@link #newRow(int)} makes them. */
  static float dot(float[] a, float[] b, float[] sums) {
    return dot(a, 0, b, sums);
  }

  private static float dot(float[] a, int at, float[] b, float[] sums) {
    for (int j = 0; j < SUMS; j += LANES) {
      FloatVector sum = FloatVector.zero(Species.FLOATS);
      for (int i = j; i < b.length; i += SUMS) {
        sum = FloatVector.fromArray(Species.FLOATS, a, at + i)
            .fma(FloatVector.fromArray(Species.FLOATS, b, i), sum);
      }
      sum.intoArray(sums, j);
    }
    return halved(sums);
  }

  /** The inner product of query {@code head} and, for each coordinate, what makes it larger. */
  float bound(int head, float[] least, float[] most, float[] sums) {
    int at = head * width;
    for (int j = 0; j < SUMS; j += LANES) {
      FloatVector sum = FloatVector.zero(Species.FLOATS);
      for (int i = j; i < width; i += SUMS) {
        FloatVector q = FloatVector.fromArray(Species.FLOATS, queries, at + i);
        FloatVector best = FloatVector.fromArray(Species.FLOATS, least, i)
            .blend(FloatVector.fromArray(Species.FLOATS, most, i), q.compare(GE, 0));
        sum = q.fma(best, sum);
      }
      sum.intoArray(sums, j);
    }
    return halved(sums);
  }

  /** Room for the sums of one inner product. */
  static float[] newSums() {
    return new float[SUMS];
  }

  private static float halved(float[] x) {
    float a0 = (x[0] + x[8]) + (x[4] + x[12]);
    float a1 = (x[1] + x[9]) + (x[5] + x[13]);
    float a2 = (x[2] + x[10]) + (x[6] + x[14]);
    float a3 = (x[3] + x[11]) + (x[7] + x[15]);
    return (a0 + a2) + (a1 + a3);
  }
}
