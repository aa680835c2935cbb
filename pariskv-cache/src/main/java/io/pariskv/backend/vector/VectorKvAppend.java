package io.pariskv.backend.vector;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvAppend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link KvAppend} on vectors, rows in parallel. */
final class VectorKvAppend implements KvAppend {
  private static final int LANES = Species.FLOATS.length();

  private final Workers workers;

  VectorKvAppend(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void append(KvStore kv, int layer, Batch batch, Buffer k, Buffer v) {
    HostKvStore store = HostKvStore.of(kv);
    long work = require(kv.shape(), batch.rows(), k, v);
    Ranges.run(workers, batch.rows(), work, (from, to) -> {
      for (int r = from; r < to; r++) {
        int slot = Raw.getInt(batch.slots().address() + 4L * r);
        int position = Raw.getInt(batch.positions().address() + 4L * r);
        append(k, r, store.keys(layer, slot), position);
        append(v, r, store.values(layer, slot), position);
      }
    });
  }

  @Override
  public void appendChunk(KvStore kv, int layer, int slot, int start, Buffer k, Buffer v) {
    TokenSlabs keys = HostKvStore.of(kv).keys(layer, slot);
    TokenSlabs values = HostKvStore.of(kv).values(layer, slot);
    int rows = k.shape().extent(0);
    long work = require(kv.shape(), rows, k, v);
    Ranges.run(workers, rows, work, (from, to) -> {
      for (int r = from; r < to; r++) {
        append(k, r, keys, start + r);
        append(v, r, values, start + r);
      }
    });
  }

  /** Numbers of one row. */
  private static long require(KvShape shape, int rows, Buffer k, Buffer v) {
    k.require("keys", DType.F32, rows, shape.kvHeads(), shape.headDim());
    v.require("values", DType.F32, rows, shape.kvHeads(), shape.headDim());
    return 2L * shape.kvHeads() * shape.headDim();
  }

  private static void append(Buffer from, long row, TokenSlabs to, int position) {
    int width = to.width();
    for (int h = 0; h < to.outer(); h++) {
      long source = from.address() + 4 * (row * to.outer() + h) * width;
      long target = to.address(h, position);
      if (to.dtype() == DType.BF16) {
        round(source, target, width);
      } else {
        MemorySegment.copy(Raw.ALL, source, Raw.ALL, target, 4L * width);
      }
    }
  }

  /** Rounds floats to bf16 as {@link Bf16#fromFloat} does. */
  private static void round(long from, long to, int count) {
    int i = 0;
    for (; i <= count - LANES; i += LANES) {
      FloatVector value = Raw.f32(from + 4L * i);
      IntVector bits = value.reinterpretAsInts();
      IntVector odd = bits.lanewise(VectorOperators.LSHR, 16).and(1);
      IntVector nearest = bits.add(0x7fff).add(odd).lanewise(VectorOperators.LSHR, 16);
      IntVector quiet = bits.lanewise(VectorOperators.LSHR, 16).or(0x40);
      IntVector rounded = nearest.blend(quiet,
          value.test(VectorOperators.IS_NAN).cast(Species.INTS));
      rounded.convertShape(VectorOperators.I2S, Species.HALF_SHORTS, 0).reinterpretAsShorts()
          .intoMemorySegment(Raw.ALL, to + 2L * i, ByteOrder.LITTLE_ENDIAN);
    }
    for (; i < count; i++) {
      Raw.ALL.set(ValueLayout.JAVA_SHORT_UNALIGNED, to + 2L * i,
          Bf16.fromFloat(Raw.getFloat(from + 4L * i)));
    }
  }
}
