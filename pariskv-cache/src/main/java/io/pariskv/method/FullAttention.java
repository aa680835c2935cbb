package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.MemoryPlan;
import java.util.List;

/** Attends every key. The reference in quality, and the peer in speed. Takes any head size. */
public record FullAttention() implements AttentionMethod {

  @Override
  public String name() {
    return "full";
  }

  @Override
  public void check(KvShape shape) {
    // Nothing to refuse: any geometry that can be stored can be attended.
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return plan;
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    return new State(backend, kv);
  }

  private record State(Backend backend, KvStore kv) implements MethodState {
    @Override
    public long prepare(List<TokenZones> zones) {
      return 0;
    }

    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      backend.attention().decode().attend(kv, layer, batch, q, null, out);
    }

    @Override
    public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
      kv.setZones(slot, zones);
      return zones;
    }

    @Override
    public TokenZones truncated(int slot, int length) {
      return appended(slot, TokenZones.dense(length), true);
    }

    @Override
    public StepCost cost(TokenZones zones) {
      return Costs.attended(kv.shape(), zones.length(), zones.length(), 0);
    }

    @Override
    public long bytes() {
      return 0;
    }

    @Override
    public void release(int slot) {
      // Nothing is kept.
    }

    @Override
    public void close() {
      // Nothing is kept.
    }
  }
}
