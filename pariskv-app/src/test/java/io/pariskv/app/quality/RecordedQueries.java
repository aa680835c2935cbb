package io.pariskv.app.quality;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ForwardingMethod;
import io.pariskv.method.ForwardingState;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MethodState;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Full attention that keeps the queries of every so many steps, and the store that it attends. */
final class RecordedQueries implements ForwardingMethod {
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
  public AttentionMethod method() {
    return full;
  }

  @Override
  public MethodState open(Backend backend, KvStore kv) {
    store = kv;
    return new State(backend, full.open(backend, kv));
  }

  private final class State implements ForwardingState {
    private final Backend backend;
    private final MethodState state;

    State(Backend backend, MethodState state) {
      this.backend = backend;
      this.state = state;
    }

    @Override
    public MethodState state() {
      return state;
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
  }
}
