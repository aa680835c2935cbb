package io.pariskv.eval.data;

import java.util.Random;

/** Random numbers that depend on nothing but a seed and a path of names, so that samples can be made again. */
public final class Streams {

  private Streams() {
  }

  /** The stream at a path; {@link Random} because its numbers are specified, on every JDK alike. */
  public static Random random(long seed, Object... path) {
    return new Random(seed(seed, path));
  }

  /** The seed at a path: near seeds and paths give unrelated ones. */
  public static long seed(long seed, Object... path) {
    long mixed = mix(seed);
    for (Object step : path) {
      String name = step.toString();
      for (int i = 0; i < name.length(); i++) {
        mixed = mix(mixed + name.charAt(i));
      }
      mixed = mix(~mixed);
    }
    return mixed;
  }

  /** The finaliser of SplitMix64. */
  private static long mix(long value) {
    long z = value + 0x9e3779b97f4a7c15L;
    z = (z ^ z >>> 30) * 0xbf58476d1ce4e5b9L;
    z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
    return z ^ z >>> 31;
  }
}
