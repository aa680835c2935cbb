package io.pariskv.method;

import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeds;
import java.util.stream.IntStream;

/** Grows a sequence by random rows beside a method's state, without a cache that would attend. */
final class ZoneGrowth {
  private ZoneGrowth() {
  }

  /** Appends tokens to all layers, a prompt's or one of a step; the zones that follow. */
  static TokenZones append(Buffers buffers, KvStore kv, SelectingState state, int slot,
      TokenZones zones, int tokens, boolean prefill) {
    KvShape shape = kv.shape();
    int width = shape.kvHeads() * shape.headDim();
    kv.reserve(slot, zones.length() + tokens);
    Batch batch = new Batch(tokens,
        buffers.of(IntStream.generate(() -> slot).limit(tokens).toArray(), tokens),
        buffers.of(IntStream.range(zones.length(), zones.length() + tokens).toArray(), tokens));
    for (int layer = 0; layer < shape.layers(); layer++) {
      Buffer keys = buffers.of(
          RandomKv.normal(Seeds.random("keys", layer, zones.length()), tokens * width), tokens,
          shape.kvHeads(), shape.headDim());
      state.backend().attention().append().append(kv, layer, batch, keys, keys);
    }
    TokenZones longer = zones.appended(tokens);
    kv.setZones(slot, longer);
    return state.appended(slot, longer, prefill);
  }
}
