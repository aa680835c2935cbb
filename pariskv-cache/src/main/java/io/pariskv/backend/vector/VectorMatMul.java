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

  VectorMatMul(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void multiply(Buffer x, Linear linear, Buffer y) {
    int rows = x.shape().extent(0);
    x.require("linear input", DType.F32, rows, linear.in());
    y.require("linear output", DType.F32, rows, linear.out());
    if (rows <= FEW_ROWS) {
      multiplyFew(x, linear, y, rows);
      return;
    }
    int round = Math.max(1, PACKED / (linear.in() * WIDTH)) * WIDTH;
    for (int from = 0; from < linear.out(); from += round) {
      multiplyRound(x, linear, y, from, Math.min(linear.out(), from + round));
    }
  }

  /** Outputs {@code from} to {@code to - 1} of every row. */
  private void multiplyRound(Buffer x, Linear linear, Buffer y, int from, int to) {
    int rows = x.shape().extent(0);
    int panels = MicroKernel.panels(to - from);
    packed = Floats.grown(packed, (long) panels * linear.in() * WIDTH);
    workers.run(panels, panel -> pack(linear.weight(), from + panel * WIDTH,
        panel * linear.in() * WIDTH));
    int blocks = (rows + BLOCK - 1) / BLOCK;
    int parts = Math.clamp(8 * workers.count() / blocks, 1, panels);
    workers.run(blocks * parts, task -> {
      int row = task / parts * BLOCK;
      int first = Ranges.bound(panels, task % parts, parts);
      int last = Ranges.bound(panels, task % parts + 1, parts);
      for (int depth = 0; depth < linear.in(); depth += DEPTH) {
        multiplyBlock(x, linear, y, row, Math.min(BLOCK, rows - row), depth, from, first, last);
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
  private void multiplyBlock(Buffer x, Linear linear, Buffer y, int row, int count, int depth,
      int from, int first, int last) {
    Local local = locals.get();
    int in = linear.in();
    int part = Math.min(DEPTH, in - depth);
    float[] rows = local.rows((long) BLOCK * DEPTH);
    for (int r = 0; r < count; r++) {
      Floats.read(DType.F32, x.address() + 4 * ((row + (long) r) * in + depth), rows, r * part,
          part);
    }
    for (int panel = first; panel < last; panel++) {
      int column = from + panel * WIDTH;
      int width = Math.min(WIDTH, linear.out() - column);
      for (int r = 0; r < count; r += MicroKernel.ROWS) {
        Arrays.fill(local.tile, 0);
        MicroKernel.outer(rows, r * part, part, packed, (panel * in + depth) * WIDTH, part,
            local.tile, 0, WIDTH);
        for (int i = 0; i < Math.min(MicroKernel.ROWS, count - r); i++) {
          long to = y.address() + 4 * ((row + (long) r + i) * linear.out() + column);
          addTo(to, depth > 0 ? to : biasAt(linear.bias(), column), local.tile, i * WIDTH, width);
        }
      }
    }
  }

  private static long biasAt(@Nullable Buffer bias, int column) {
    return bias == null ? 0 : bias.address() + 4L * column;
  }

  /** {@code to = base + tile}; no base at address 0. */
  private static void addTo(long to, long base, float[] tile, int at, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector sum = FloatVector.fromArray(Species.FLOATS, tile, at + i);
      Raw.store(base == 0 ? sum : sum.add(Raw.f32(base + 4L * i)), to + 4L * i);
    }
    for (; i < count; i++) {
      Raw.setFloat(to + 4L * i, tile[at + i] + (base == 0 ? 0 : Raw.getFloat(base + 4L * i)));
    }
  }

  private void multiplyFew(Buffer x, Linear linear, Buffer y, int rows) {
    int in = linear.in();
    int stride = Floats.padded(in);
    input = Floats.grown(input, (long) rows * stride);
    for (int r = 0; r < rows; r++) {
      Floats.read(DType.F32, x.address() + 4L * r * in, input, r * stride, in);
      Arrays.fill(input, r * stride + in, (r + 1) * stride, 0);
    }
    int groups = (linear.out() + MicroKernel.DOT_B - 1) / MicroKernel.DOT_B;
    Ranges.run(workers, groups, (long) MicroKernel.DOT_B * in, (from, to) -> {
      Local local = locals.get();
      for (int group = from; group < to; group++) {
        multiplyFour(linear, group * MicroKernel.DOT_B, y, rows, local);
      }
    });
  }

  /** Four outputs, from {@code o} on, of every row. */
  private void multiplyFour(Linear linear, int o, Buffer y, int rows, Local local) {
    Buffer weight = linear.weight();
    int in = linear.in();
    int stride = Floats.padded(in);
    int last = linear.out() - 1;
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
      store(linear, y, r, o, local.dots, 0);
      store(linear, y, r + second, o, local.dots, second * MicroKernel.DOT_B);
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

  private static void store(Linear linear, Buffer y, int row, int o, float[] dots, int at) {
    Buffer bias = linear.bias();
    for (int i = 0; i < Math.min(MicroKernel.DOT_B, linear.out() - o); i++) {
      float b = bias == null ? 0 : Raw.getFloat(bias.address() + 4L * (o + i));
      Raw.setFloat(y.address() + 4 * ((long) row * linear.out() + o + i), dots[at + i] + b);
    }
  }
}
