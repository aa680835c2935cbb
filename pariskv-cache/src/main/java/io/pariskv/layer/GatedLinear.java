package io.pariskv.layer;

/**
 * The parameters of a gated linear layer, {@code y = silu(gate x) * (up x)}. Shazeer 2020.
 *
 * @param gate weight {@code [out][in]} and optional bias
 * @param up of the same shape
 */
public record GatedLinear(Linear gate, Linear up) {

  /** Checks the shapes. */
  public GatedLinear {
    if (gate.in() != up.in() || gate.out() != up.out()) {
      throw new IllegalArgumentException(
          "gate and up are of one shape, not " + gate.weight() + " and " + up.weight());
    }
  }

  /** Numbers of one input row. */
  public int in() {
    return gate.in();
  }

  /** Numbers of one output row. */
  public int out() {
    return gate.out();
  }
}
