package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.MemoryPlan;
import java.util.List;

/**
 * Attends the sink and the recent tokens, and nothing of what lies between: the floor that every method which
 * selects must be above (StreamingLLM, arXiv 2309.17453, with the positions as they are). Takes any head size.
 *
 * @param zones which tokens; with an update interval of 1 the window is {@code local} tokens at every step
 */
public record WindowAttention(ZoneSettings zones) implements AttentionMethod {

  @Override
  public String name() {
    return "window";
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
    return new State(zones, backend, kv);
  }

  private record State(Zoning zoning, Backend backend, KvStore kv) implements MethodState {
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
      TokenZones next = zoning.slide(zones, prefill);
      kv.setZones(slot, next);
      return next;
    }

    @Override
    public TokenZones truncated(int slot, int length) {
      return appended(slot, TokenZones.dense(length), true);
    }

    @Override
    public StepCost cost(TokenZones zones) {
      return Costs.attended(kv.shape(), zones.length(), zones.residentTokens(), 0);
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
