package io.pariskv.backend.vector;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The inner loops of all matrix products, on arrays that fit a cache.
 *
 * <p>{@link #outer} keeps a tile of {@link #ROWS} rows and two vectors in registers and adds one outer
 * product after the other: eight loads for twelve multiply-adds, so it runs at the speed of the
 * multipliers while the panel comes from the second-level cache. It needs 15 registers, what the
 * smallest machine has. {@link #dots} is for few rows, where packing a panel would not pay.
 *
 * <p>Accumulators must be local variables: a vector in an array or passed to a method that is not
 * inlined becomes an object, a hundred times slower.
 */
final class MicroKernel {
  private static final VectorSpecies<Float> SPECIES = Species.FLOATS;
  private static final int LANES = SPECIES.length();

  /** Rows of a tile. */
  static final int ROWS = 6;

  /** Columns of a tile and of a panel. */
  static final int WIDTH = 2 * LANES;

  /** Rows of {@code a} and of {@code b} in {@link #dots}. */
  static final int DOT_A = 2;

  /** See {@link #DOT_A}. */
  static final int DOT_B = 4;

  private MicroKernel() {
  }

  /** {@code count} rounded up to whole tiles of {@link #ROWS} rows. */
  static int paddedRows(int count) {
    return (count + ROWS - 1) / ROWS * ROWS;
  }

  /** Panels of {@link #WIDTH} that {@code columns} columns take. */
  static int panels(int columns) {
    return (columns + WIDTH - 1) / WIDTH;
  }

  /**
   * {@code tile[r][c] += sum over i of x[r][i] * panel[i][c]}.
   *
   * @param x {@link #ROWS} rows of {@code depth}, the first at {@code xAt}, {@code xStride} apart
   * @param panel {@code [depth][WIDTH]} from {@code panelAt}
   * @param tile changed, rows {@code tileStride} apart from {@code tileAt}
   */
  static void outer(float[] x, int xAt, int xStride, float[] panel, int panelAt, int depth,
      float[] tile, int tileAt, int tileStride) {
    FloatVector a00 = FloatVector.fromArray(SPECIES, tile, tileAt);
    FloatVector a01 = FloatVector.fromArray(SPECIES, tile, tileAt + LANES);
    FloatVector a10 = FloatVector.fromArray(SPECIES, tile, tileAt + tileStride);
    FloatVector a11 = FloatVector.fromArray(SPECIES, tile, tileAt + tileStride + LANES);
    FloatVector a20 = FloatVector.fromArray(SPECIES, tile, tileAt + 2 * tileStride);
    FloatVector a21 = FloatVector.fromArray(SPECIES, tile, tileAt + 2 * tileStride + LANES);
    FloatVector a30 = FloatVector.fromArray(SPECIES, tile, tileAt + 3 * tileStride);
    FloatVector a31 = FloatVector.fromArray(SPECIES, tile, tileAt + 3 * tileStride + LANES);
    FloatVector a40 = FloatVector.fromArray(SPECIES, tile, tileAt + 4 * tileStride);
    FloatVector a41 = FloatVector.fromArray(SPECIES, tile, tileAt + 4 * tileStride + LANES);
    FloatVector a50 = FloatVector.fromArray(SPECIES, tile, tileAt + 5 * tileStride);
    FloatVector a51 = FloatVector.fromArray(SPECIES, tile, tileAt + 5 * tileStride + LANES);
    int x1 = xAt + xStride;
    int x2 = x1 + xStride;
    int x3 = x2 + xStride;
    int x4 = x3 + xStride;
    int x5 = x4 + xStride;
    for (int i = 0; i < depth; i++) {
      FloatVector b0 = FloatVector.fromArray(SPECIES, panel, panelAt + i * WIDTH);
      FloatVector b1 = FloatVector.fromArray(SPECIES, panel, panelAt + i * WIDTH + LANES);
      FloatVector v = FloatVector.broadcast(SPECIES, x[xAt + i]);
      a00 = v.fma(b0, a00);
      a01 = v.fma(b1, a01);
      v = FloatVector.broadcast(SPECIES, x[x1 + i]);
      a10 = v.fma(b0, a10);
      a11 = v.fma(b1, a11);
      v = FloatVector.broadcast(SPECIES, x[x2 + i]);
      a20 = v.fma(b0, a20);
      a21 = v.fma(b1, a21);
      v = FloatVector.broadcast(SPECIES, x[x3 + i]);
      a30 = v.fma(b0, a30);
      a31 = v.fma(b1, a31);
      v = FloatVector.broadcast(SPECIES, x[x4 + i]);
      a40 = v.fma(b0, a40);
      a41 = v.fma(b1, a41);
      v = FloatVector.broadcast(SPECIES, x[x5 + i]);
      a50 = v.fma(b0, a50);
      a51 = v.fma(b1, a51);
    }
    a00.intoArray(tile, tileAt);
    a01.intoArray(tile, tileAt + LANES);
    a10.intoArray(tile, tileAt + tileStride);
    a11.intoArray(tile, tileAt + tileStride + LANES);
    a20.intoArray(tile, tileAt + 2 * tileStride);
    a21.intoArray(tile, tileAt + 2 * tileStride + LANES);
    a30.intoArray(tile, tileAt + 3 * tileStride);
    a31.intoArray(tile, tileAt + 3 * tileStride + LANES);
    a40.intoArray(tile, tileAt + 4 * tileStride);
    a41.intoArray(tile, tileAt + 4 * tileStride + LANES);
    a50.intoArray(tile, tileAt + 5 * tileStride);
    a51.intoArray(tile, tileAt + 5 * tileStride + LANES);
  }

  /**
   * {@code out[i][j] = a[i] . b[j]} for two rows of {@code a} and four of {@code b}.
   *
   * @param stride numbers from row to row of {@code b}, whole vectors; as many are multiplied
   * @param aStride numbers from row to row of {@code a}; 0 to do the same row twice
   * @param outStride numbers from row to row of {@code out}
   */
  static void dots(float[] a, int aAt, int aStride, float[] b, int bAt, int stride, float[] out,
      int outAt, int outStride) {
    FloatVector s00 = FloatVector.zero(SPECIES);
    FloatVector s01 = FloatVector.zero(SPECIES);
    FloatVector s02 = FloatVector.zero(SPECIES);
    FloatVector s03 = FloatVector.zero(SPECIES);
    FloatVector s10 = FloatVector.zero(SPECIES);
    FloatVector s11 = FloatVector.zero(SPECIES);
    FloatVector s12 = FloatVector.zero(SPECIES);
    FloatVector s13 = FloatVector.zero(SPECIES);
    int a1 = aAt + aStride;
    int b1 = bAt + stride;
    int b2 = b1 + stride;
    int b3 = b2 + stride;
    for (int i = 0; i < stride; i += LANES) {
      FloatVector u = FloatVector.fromArray(SPECIES, a, aAt + i);
      FloatVector v = FloatVector.fromArray(SPECIES, a, a1 + i);
      FloatVector w = FloatVector.fromArray(SPECIES, b, bAt + i);
      s00 = w.fma(u, s00);
      s10 = w.fma(v, s10);
      w = FloatVector.fromArray(SPECIES, b, b1 + i);
      s01 = w.fma(u, s01);
      s11 = w.fma(v, s11);
      w = FloatVector.fromArray(SPECIES, b, b2 + i);
      s02 = w.fma(u, s02);
      s12 = w.fma(v, s12);
      w = FloatVector.fromArray(SPECIES, b, b3 + i);
      s03 = w.fma(u, s03);
      s13 = w.fma(v, s13);
    }
    out[outAt] = s00.reduceLanes(VectorOperators.ADD);
    out[outAt + 1] = s01.reduceLanes(VectorOperators.ADD);
    out[outAt + 2] = s02.reduceLanes(VectorOperators.ADD);
    out[outAt + 3] = s03.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride] = s10.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride + 1] = s11.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride + 2] = s12.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride + 3] = s13.reduceLanes(VectorOperators.ADD);
  }

  /**
   * {@link #dots} with rows of bf16 anywhere in memory as {@code b}.
   *
   * @param depth numbers of a row, whole vectors
   */
  static void dotsBf16(float[] a, int aAt, int aStride, long b0, long b1, long b2, long b3,
      int depth, float[] out, int outAt, int outStride) {
    FloatVector s00 = FloatVector.zero(SPECIES);
    FloatVector s01 = FloatVector.zero(SPECIES);
    FloatVector s02 = FloatVector.zero(SPECIES);
    FloatVector s03 = FloatVector.zero(SPECIES);
    FloatVector s10 = FloatVector.zero(SPECIES);
    FloatVector s11 = FloatVector.zero(SPECIES);
    FloatVector s12 = FloatVector.zero(SPECIES);
    FloatVector s13 = FloatVector.zero(SPECIES);
    int a1 = aAt + aStride;
    for (int i = 0; i < depth; i += LANES) {
      FloatVector u = FloatVector.fromArray(SPECIES, a, aAt + i);
      FloatVector v = FloatVector.fromArray(SPECIES, a, a1 + i);
      FloatVector w = Raw.bf16(b0 + 2L * i);
      s00 = w.fma(u, s00);
      s10 = w.fma(v, s10);
      w = Raw.bf16(b1 + 2L * i);
      s01 = w.fma(u, s01);
      s11 = w.fma(v, s11);
      w = Raw.bf16(b2 + 2L * i);
      s02 = w.fma(u, s02);
      s12 = w.fma(v, s12);
      w = Raw.bf16(b3 + 2L * i);
      s03 = w.fma(u, s03);
      s13 = w.fma(v, s13);
    }
    out[outAt] = s00.reduceLanes(VectorOperators.ADD);
    out[outAt + 1] = s01.reduceLanes(VectorOperators.ADD);
    out[outAt + 2] = s02.reduceLanes(VectorOperators.ADD);
    out[outAt + 3] = s03.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride] = s10.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride + 1] = s11.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride + 2] = s12.reduceLanes(VectorOperators.ADD);
    out[outAt + outStride + 3] = s13.reduceLanes(VectorOperators.ADD);
  }
}
