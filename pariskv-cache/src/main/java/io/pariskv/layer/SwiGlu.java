package io.pariskv.layer;

import io.pariskv.memory.Buffer;

/** The gated activation of the feed-forward layer: {@code out = silu(gate) * up}. Shazeer 2020. */
public interface SwiGlu {
  /**
   * @param gate {@code [rows][width] f32}
   * @param up {@code [rows][width] f32}
   * @param out {@code [rows][width] f32}; may be {@code gate} or {@code up}
   */
  void apply(Buffer gate, Buffer up, Buffer out);
}
