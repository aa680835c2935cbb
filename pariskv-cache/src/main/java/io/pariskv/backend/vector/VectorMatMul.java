package io.pariskv.backend.vector;

import io.pariskv.layer.Linear;
import io.pariskv.layer.MatMul;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/*
 * Many rows, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008): the
 * weights are packed once a call into panels of floats, [panel][in][WIDTH], which all threads then read;
 * a task is a block of rows times some panels. A panel's part of DEPTH inputs stays in a core's cache
 * while the rows of the block pass.
 *
 * Few rows would not repay the packing: one pass over the weights, four weight rows at a time, bf16 in
 * place and widened in registers, other types by way of an array.
 */
/** {@link MatMul} on vectors and all cores. */
final class VectorMatMul implements MatMul {
  private static final int LANES = Species.FLOATS.length();
  private static final int WIDTH = MicroKernel.WIDTH;

  /** Up to so many rows, packing takes longer than it saves. */
  private static final int FEW_ROWS = 32;

  /** Inputs of a panel's part: 128 KiB of the widest panel. */
  private static final int DEPTH = 1024;

  /** Rows of a task. */
  private static final int BLOCK = 8 * MicroKernel.ROWS;

  /** Numbers of packed weights, 16 MiB; wider layers take several rounds. */
  private static final int PACKED = 1 << 22;

  private final Workers workers;
  private final ThreadLocal<Local> locals = ThreadLocal.withInitial(Local::new);
  private float[] packed = {};
  private float[] input = {};

  /** Arrays of one thread. */
  private static final class Local {
    float[] rows = {};
    final float[] tile = new float[MicroKernel.ROWS * WIDTH];
    final float[] dots = new float[MicroKernel.DOT_A * MicroKernel.DOT_B];

    float[] rows(long length) {
      rows = Floats.grown(rows, length);
      return rows;
    }
  }

  /** {@code y = W x + b}, or {@code y += W x + b}. */
  private record Product(Buffer x, Linear linear, Buffer y, boolean add) {
    Buffer weight() {
      return linear.weight();
    }

    int rows() {
      return x.shape().extent(0);
    }

    int in() {
      return linear.in();
    }

    int out() {
      return linear.out();
    }

    /** Address of an output. */
    long at(int row, int output) {
      return y.address() + 4 * ((long) row * out() + output);
    }
  }

  VectorMatMul(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void multiply(Buffer x, Linear linear, Buffer y) {
    multiply(new Product(x, linear, y, false));
  }

  @Override
  public void multiplyAdd(Buffer x, Linear linear, Buffer y) {
    multiply(new Product(x, linear, y, true));
  }

  private void multiply(Product of) {
    of.x.require("linear input", DType.F32, of.rows(), of.in());
    of.y.require("linear output", DType.F32, of.rows(), of.out());
    if (of.rows() <= FEW_ROWS) {
      multiplyFew(of);
      return;
    }
    int round = Math.max(1, PACKED / (of.in() * WIDTH)) * WIDTH;
    for (int from = 0; from < of.out(); from += round) {
      multiplyRound(of, from, Math.min(of.out(), from + round));
    }
  }

  /** Outputs {@code from} to {@code to - 1} of every row. */
  private void multiplyRound(Product of, int from, int to) {
    int rows = of.rows();
    int panels = MicroKernel.panels(to - from);
    packed = Floats.grown(packed, (long) panels * of.in() * WIDTH);
    workers.run(panels, panel -> pack(of.weight(), from + panel * WIDTH,
        panel * of.in() * WIDTH));
    int blocks = (rows + BLOCK - 1) / BLOCK;
    int parts = Math.clamp(8 * workers.count() / blocks, 1, panels);
    workers.run(blocks * parts, task -> {
      int row = task / parts * BLOCK;
      int first = Ranges.bound(panels, task % parts, parts);
      int last = Ranges.bound(panels, task % parts + 1, parts);
      for (int depth = 0; depth < of.in(); depth += DEPTH) {
        multiplyBlock(of, row, Math.min(BLOCK, rows - row), depth, from, first, last);
      }
    });
  }

  /** Packs the weights of outputs {@code from} to {@code from + WIDTH - 1}; beyond the last anything. */
  private void pack(Buffer weight, int from, int at) {
    int in = weight.shape().extent(1);
    int width = Math.min(WIDTH, weight.shape().extent(0) - from);
    float[] row = locals.get().rows(in);
    for (int o = 0; o < width; o++) {
      Floats.read(weight.dtype(), weightRow(weight, from + o), row, 0, in);
      transpose(row, in, packed, at + o);
    }
  }

  /** {@code to[at + i * WIDTH] = row[i]}. */
  static void transpose(float[] row, int count, float[] to, int at) {
    for (int i = 0; i < count; i++) {
      to[at + i * WIDTH] = row[i];
    }
  }

  private static long weightRow(Buffer weight, int o) {
    return weight.address() + (long) o * weight.shape().extent(1) * weight.dtype().bytes();
  }

  /**
   * Adds to {@code count} rows from {@code row} what inputs {@code depth} to {@code depth + DEPTH - 1}
   * give to the panels {@code first} to {@code last - 1} of the packed outputs from {@code from}.
   */
  private void multiplyBlock(Product of, int row, int count, int depth, int from, int first,
      int last) {
    Local local = locals.get();
    int in = of.in();
    int part = Math.min(DEPTH, in - depth);
    float[] rows = local.rows((long) BLOCK * DEPTH);
    for (int r = 0; r < count; r++) {
      Floats.read(DType.F32, of.x.address() + 4 * ((row + (long) r) * in + depth), rows, r * part,
          part);
    }
    for (int panel = first; panel < last; panel++) {
      int column = from + panel * WIDTH;
      int width = Math.min(WIDTH, of.out() - column);
      for (int r = 0; r < count; r += MicroKernel.ROWS) {
        seed(local.tile, depth > 0 ? null : of.linear.bias(), column, width);
        MicroKernel.outer(rows, r * part, part, packed, (panel * in + depth) * WIDTH, part,
            local.tile, 0, WIDTH);
        for (int i = 0; i < Math.min(MicroKernel.ROWS, count - r); i++) {
          store(local.tile, i * WIDTH, width, of.at(row + r + i, column), depth > 0 || of.add);
        }
      }
    }
  }

  /** The bias in every row of the tile, or zeros. */
  private static void seed(float[] tile, @Nullable Buffer bias, int column, int width) {
    Arrays.fill(tile, 0);
    if (bias != null) {
      for (int r = 0; r < MicroKernel.ROWS; r++) {
        Floats.read(DType.F32, bias.address() + 4L * column, tile, r * WIDTH, width);
      }
    }
  }

  /** Writes numbers of the tile, or adds them. */
  private static void store(float[] tile, int at, int count, long to, boolean add) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector sum = FloatVector.fromArray(Species.FLOATS, tile, at + i);
      Raw.store(add ? sum.add(Raw.f32(to + 4L * i)) : sum, to + 4L * i);
    }
    for (; i < count; i++) {
      Raw.setFloat(to + 4L * i, tile[at + i] + (add ? Raw.getFloat(to + 4L * i) : 0));
    }
  }

  private void multiplyFew(Product of) {
    int rows = of.rows();
    int in = of.in();
    int stride = Floats.padded(in);
    input = Floats.grown(input, (long) rows * stride);
    for (int r = 0; r < rows; r++) {
      Floats.read(DType.F32, of.x.address() + 4L * r * in, input, r * stride, in);
      Arrays.fill(input, r * stride + in, (r + 1) * stride, 0);
    }
    int groups = (of.out() + MicroKernel.DOT_B - 1) / MicroKernel.DOT_B;
    Ranges.run(workers, groups, (long) MicroKernel.DOT_B * in, (from, to) -> {
      Local local = locals.get();
      for (int group = from; group < to; group++) {
        multiplyFour(of, group * MicroKernel.DOT_B, local);
      }
    });
  }

  /** Four outputs, from {@code o} on, of every row. */
  private void multiplyFour(Product of, int o, Local local) {
    Buffer weight = of.weight();
    int rows = of.rows();
    int in = of.in();
    int stride = Floats.padded(in);
    int last = of.out() - 1;
    boolean inPlace = weight.dtype() == DType.BF16 && stride == in;
    float[] widened = inPlace ? local.rows : widenFour(weight, o, stride, local);
    for (int r = 0; r < rows; r += MicroKernel.DOT_A) {
      int second = Math.min(MicroKernel.DOT_A, rows - r) - 1;
      if (inPlace) { // beyond the last weight row that one again
        MicroKernel.dotsBf16(input, r * stride, second * stride, weightRow(weight, o),
            weightRow(weight, Math.min(o + 1, last)), weightRow(weight, Math.min(o + 2, last)),
            weightRow(weight, Math.min(o + 3, last)), in, local.dots, 0, MicroKernel.DOT_B);
      } else {
        MicroKernel.dots(input, r * stride, second * stride, widened, 0, stride, local.dots, 0,
            MicroKernel.DOT_B);
      }
      for (int i = 0; i <= second; i++) {
        store(of, r + i, o, local.dots, i * MicroKernel.DOT_B);
      }
    }
  }

  private static float[] widenFour(Buffer weight, int o, int stride, Local local) {
    int in = weight.shape().extent(1);
    float[] widened = local.rows((long) MicroKernel.DOT_B * stride);
    for (int i = 0; i < Math.min(MicroKernel.DOT_B, weight.shape().axis(0) - o); i++) {
      Floats.read(weight.dtype(), weightRow(weight, o + i), widened, i * stride, in);
      Arrays.fill(widened, i * stride + in, (i + 1) * stride, 0);
    }
    return widened;
  }

  private static void store(Product of, int row, int o, float[] dots, int at) {
    Buffer bias = of.linear.bias();
    for (int i = 0; i < Math.min(MicroKernel.DOT_B, of.out() - o); i++) {
      long to = of.at(row, o + i);
      float sum = dots[at + i] + (bias == null ? 0 : Raw.getFloat(bias.address() + 4L * (o + i)));
      Raw.setFloat(to, of.add ? Raw.getFloat(to) + sum : sum);
    }
  }
}
