package io.pariskv.cache;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.attention.HeadTurn;
import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import io.pariskv.method.StepCost;
import io.pariskv.testing.Buffers;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A chunk tells the method of every layer as soon as its rows are there, prepared or appended. */
class ChunkTest {
  private static final KvShape SHAPE = new KvShape(3, 2, 1, 4, DType.F32);

  private final List<String> told = new ArrayList<>();

  /** Full attention that notes what it is told. */
  private final class Noting implements AttentionMethod {
    @Override
    public String name() {
      return "noting";
    }

    @Override
    public void check(KvShape shape) {
      // Takes any.
    }

    @Override
    public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
      return plan;
    }

    @Override
    public MethodState open(Backend backend, KvStore kv) {
      return new NotingState(new FullAttention().open(backend, kv));
    }
  }

  private final class NotingState implements MethodState {
    private final MethodState full;

    NotingState(MethodState full) {
      this.full = full;
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

    @Override
    public long prepare(List<TokenZones> zones) {
      return full.prepare(zones);
    }

    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      full.attend(layer, batch, q, out);
    }

    @Override
    public TokenZones truncated(int slot, int length) {
      return full.truncated(slot, length);
    }

    @Override
    public StepCost cost(TokenZones zones) {
      return full.cost(zones);
    }

    @Override
    public long bytes() {
      return full.bytes();
    }

    @Override
    public void release(int slot) {
      full.release(slot);
    }

    @Override
    public void close() {
      full.close();
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
