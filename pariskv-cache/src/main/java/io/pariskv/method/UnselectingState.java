package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import java.util.List;

/**
 * A method at work that attends the sink and the recent tokens, nothing of what lies between, and keeps nothing about
 * keys. If nothing lies between, that is everything.
 *
 * @param zoning what lies between
 */
record UnselectingState(Backend backend, KvStore kv, Zoning zoning) implements MethodState {

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
  public StepCost cost(int slot, TokenZones zones) {
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
