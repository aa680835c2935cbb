package io.pariskv.backend.scalar;

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

/** {@link KvAppend} in plain Java. */
final class ScalarKvAppend implements KvAppend {
  @Override
  public void append(KvStore kv, int layer, Batch batch, Buffer k, Buffer v) {
    require(kv.shape(), batch.rows(), k, v);
    for (int r = 0; r < batch.rows(); r++) {
      write(HostKvStore.of(kv), layer, Elements.getInt(batch.slots(), r),
          Elements.getInt(batch.positions(), r), r, k, v);
    }
  }

  @Override
  public void appendChunk(KvStore kv, int layer, int slot, int start, Buffer k, Buffer v) {
    int rows = k.shape().extent(0);
    require(kv.shape(), rows, k, v);
    for (int r = 0; r < rows; r++) {
      write(HostKvStore.of(kv), layer, slot, start + r, r, k, v);
    }
  }

  private static void require(KvShape shape, int rows, Buffer k, Buffer v) {
    k.require("keys", DType.F32, rows, shape.kvHeads(), shape.headDim());
    v.require("values", DType.F32, rows, shape.kvHeads(), shape.headDim());
  }

  private static void write(HostKvStore store, int layer, int slot, int position, int r, Buffer k,
      Buffer v) {
    int kvHeads = store.shape().kvHeads();
    for (int h = 0; h < kvHeads; h++) {
      long row = (long) r * kvHeads + h;
      write(k, row, store.keys(layer, slot), h, position);
      write(v, row, store.values(layer, slot), h, position);
    }
  }

  private static void write(Buffer from, long row, TokenSlabs to, int kvHead, int position) {
    MemorySegment target = to.row(kvHead, position);
    for (int i = 0; i < to.width(); i++) {
      float value = Elements.getFloat(from, row * to.width() + i);
      if (to.dtype() == DType.BF16) {
        target.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.fromFloat(value));
      } else {
        target.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
      }
    }
  }
}
