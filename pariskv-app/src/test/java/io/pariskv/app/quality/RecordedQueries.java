package io.pariskv.app.quality;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import io.pariskv.method.StepCost;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Full attention that keeps the queries of every so many steps, and the store that it attends. */
final class RecordedQueries implements AttentionMethod {
  private final FullAttention full = new FullAttention();
  private final List<KeysAndQueries.Query> queries = new ArrayList<>();
  private final int every;
  private @Nullable KvStore store;
  private int length;

  RecordedQueries(int every) {
    this.every = every;
  }

  List<KeysAndQueries.Query> queries() {
    return queries;
  }

  KvStore store() {
    if (store == null) {
      throw new IllegalStateException("no session was opened with this method");
    }
    return store;
  }

  @Override
  public String name() {
    return full.name();
  }

  @Override
  public void check(KvShape shape) {
    full.check(shape);
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    return full.plan(plan, shape, slots, tokens);
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    store = kv;
    return new State(backend, full.open(backend, kv));
  }

  private final class State implements MethodState {
    private final Backend backend;
    private final MethodState state;

    State(Backend backend, MethodState state) {
      this.backend = backend;
      this.state = state;
    }

    @Override
    public long prepare(List<TokenZones> zones) {
      length = zones.getFirst().length();
      return state.prepare(zones);
    }

    @Override
    public void attend(int layer, Batch batch, Buffer q, Buffer out) {
      if (length % every == 0) {
        float[] values = new float[Math.toIntExact(q.shape().elements())];
        backend.download(q, MemorySegment.ofArray(values));
        queries.add(new KeysAndQueries.Query(layer, values));
      }
      state.attend(layer, batch, q, out);
    }

    @Override
    public TokenZones appended(int slot, TokenZones zones, boolean prefill) {
      return state.appended(slot, zones, prefill);
    }

    @Override
    public TokenZones truncated(int slot, int cut) {
      return state.truncated(slot, cut);
    }

    @Override
    public StepCost cost(TokenZones zones) {
      return state.cost(zones);
    }

    @Override
    public long bytes() {
      return state.bytes();
    }

    @Override
    public void release(int slot) {
      state.release(slot);
    }

    @Override
    public void close() {
      state.close();
    }
  }
}
