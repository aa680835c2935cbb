package io.pariskv.cache;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.attention.HeadTurn;
import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ForwardingMethod;
import io.pariskv.method.ForwardingState;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import io.pariskv.testing.Buffers;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A chunk tells the method of every layer as soon as its rows are there, prepared or appended. */
class ChunkTest {
  private static final KvShape SHAPE = new KvShape(3, 2, 1, 4, DType.F32);

  private final List<String> told = new ArrayList<>();

  /** Full attention that notes what it is told. */
  private final class Noting implements ForwardingMethod {
    @Override
    public AttentionMethod method() {
      return new FullAttention();
    }

    @Override
    public MethodState open(Backend backend, KvStore kv) {
      return new NotingState(method().open(backend, kv));
    }
  }

  private final class NotingState implements ForwardingState {
    private final MethodState full;

    NotingState(MethodState full) {
      this.full = full;
    }

    @Override
    public MethodState state() {
      return full;
    }

    @Override
    public void layerAppended(int layer, int slot, TokenZones zones) {
      told.add("layer " + layer + " of " + zones.length());
    }

    @Override
    public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
      told.add("all of " + zones.length());
      return full.appended(slot, zones, prefill);
    }
  }

  @Test
  void layersArePreparedOrAppended_inOrder_andTheMethodIsToldOfEach() {
    try (Backend backend = new ScalarBackend();
        Buffers buffers = new Buffers(backend);
        CachePool pool = new CachePool(backend, SHAPE, new Noting(), 1);
        KvCache cache = pool.open();
        Rows chunk = cache.prefill(5)) {
      Buffer q = buffers.empty(DType.F32, 5, 2, 4);
      Buffer k = buffers.empty(DType.F32, 5, 1, 4);
      HeadTurn turn = HeadTurn.rotary(buffers.empty(DType.F32, 5, 2, 2));
      chunk.begin();
      chunk.prepare(0, turn, q, k, k);
      chunk.append(1, k, k);
      assertRefused(IllegalStateException.class, () -> chunk.prepare(1, turn, q, k, k), "layer 1",
          "layer 2 is next");
      chunk.prepare(2, turn, q, k, k);
      chunk.commit();
    }
    assertEquals(List.of("layer 0 of 5", "layer 1 of 5", "layer 2 of 5", "all of 5"), told);
  }
}
