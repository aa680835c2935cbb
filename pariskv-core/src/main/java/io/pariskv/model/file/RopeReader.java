package io.pariskv.model.file;

import io.pariskv.model.RopeScaling;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Reads the rotary embedding's fields, in either of two spellings.
 *
 * <p>New: {@code rope_parameters}, an object that holds {@code rope_theta} too. Old: {@code rope_theta}
 * beside {@code rope_scaling}, an object or null. Where a file has both they must agree: transformers lets
 * {@code rope_scaling} win and then forgets the new object's {@code rope_theta}.
 */
final class RopeReader {
  private static final double DEFAULT_THETA = 10_000;

  private final JsonFields config;
  private final int maxPositions;

  private RopeReader(JsonFields config, int maxPositions) {
    this.config = config;
    this.maxPositions = maxPositions;
  }

  /** Both halves of what a configuration says of RoPE. */
  record Rope(double theta, RopeScaling scaling) {
  }

  /**
   * Reads them.
   *
   * @param maxPositions {@code max_position_embeddings}, the original length unless the file gives one
   * @throws io.pariskv.error.InputException for an unknown type, a value out of range, or a contradiction
   */
  static Rope read(JsonFields config, int maxPositions) {
    return new RopeReader(config, maxPositions).read();
  }

  private Rope read() {
    refusePartial(config);
    Rope fresh = readObject("rope_parameters");
    Rope old = readObject("rope_scaling");
    if (fresh != null && old != null && !fresh.equals(old)) {
      throw config.error("rope_scaling",
          "says " + describe(old) + ", but rope_parameters says " + describe(fresh),
          "keep one of the two, with rope_theta in it");
    }
    if (fresh != null) {
      return fresh;
    }
    return old != null ? old : new Rope(theta(null), new RopeScaling.None());
  }

  private static String describe(Rope rope) {
    return "theta " + rope.theta() + " and " + rope.scaling();
  }

  private @Nullable Rope readObject(String name) {
    JsonFields rope = config.objectOrNull(name);
    if (rope == null || rope.isEmpty()) {
      return null;
    }
    for (String field : rope.names()) {
      if (rope.isObject(field)) {
        throw rope.error(field,
            "is an object: RoPE parameters for each layer type are not supported, expected one set"
                + " for all layers");
      }
    }
    refusePartial(rope);
    double theta = theta(rope);
    try {
      return new Rope(theta, scaling(rope));
    } catch (IllegalArgumentException e) {
      throw rope.error(e);
    }
  }

  private double theta(@Nullable JsonFields rope) {
    Double outer = config.numberOrNull("rope_theta", 0, 1e30);
    Double inner = rope == null ? null : rope.numberOrNull("rope_theta", 0, 1e30);
    if (rope != null && inner != null && outer != null && !inner.equals(outer)) {
      throw rope.error("rope_theta",
          "is " + inner + ", but rope_theta beside it is " + outer, "keep one of the two");
    }
    return Objects.requireNonNullElse(inner, Objects.requireNonNullElse(outer, DEFAULT_THETA));
  }

  private static void refusePartial(JsonFields fields) {
    Double part = fields.numberOrNull("partial_rotary_factor", 0, 1);
    if (part != null && part != 1) {
      throw fields.error("partial_rotary_factor",
          "is " + part + ", expected 1: partial rotation is not supported");
    }
  }

  private static String type(JsonFields rope) {
    String type = rope.textOrNull("rope_type");
    String oldName = rope.textOrNull("type");
    if (type != null && oldName != null && !type.equals(oldName)) {
      throw rope.error("rope_type",
          "is " + Shown.quoted(type) + ", but type is " + Shown.quoted(oldName),
          "keep one of the two");
    }
    return Objects.requireNonNullElse(type, Objects.requireNonNullElse(oldName, "default"));
  }

  private RopeScaling scaling(JsonFields rope) {
    String type = type(rope);
    return switch (type) {
      case "default" -> new RopeScaling.None();
      case "linear" -> new RopeScaling.Linear(factor(rope));
      case "dynamic" -> new RopeScaling.Dynamic(factor(rope));
      case "llama3" -> new RopeScaling.Llama3(factor(rope), number(rope, "low_freq_factor"),
          number(rope, "high_freq_factor"), originalMaxPositions(rope));
      case "yarn" -> yarn(rope);
      default -> throw rope.error("rope_type",
          "is " + Shown.quoted(type) + ", expected one of " + RopeScaling.TYPES);
    };
  }

  private RopeScaling yarn(JsonFields rope) {
    int original = originalMaxPositions(rope);
    double factor = rope.has("factor") ? factor(rope) : (double) maxPositions / original;
    Double betaFast = orNullIfZero(optional(rope, "beta_fast"));
    Double betaSlow = orNullIfZero(optional(rope, "beta_slow"));
    return new RopeScaling.Yarn(factor, original, optional(rope, "attention_factor"),
        Objects.requireNonNullElse(betaFast, 32.0), Objects.requireNonNullElse(betaSlow, 1.0),
        optional(rope, "mscale"), optional(rope, "mscale_all_dim"), rope.flag("truncate", true));
  }

  /** A field beside the object wins over one inside it, as in transformers; the default is the model's length. */
  private int originalMaxPositions(JsonFields rope) {
    String name = "original_max_position_embeddings";
    int inner = rope.integer(name, 1, Integer.MAX_VALUE, maxPositions);
    return config.integer(name, 1, Integer.MAX_VALUE, inner);
  }

  private static double factor(JsonFields rope) {
    return number(rope, "factor");
  }

  private static double number(JsonFields rope, String name) {
    return rope.number(name, 0, RopeScaling.MAX_FACTOR);
  }

  private static @Nullable Double optional(JsonFields rope, String name) {
    return rope.numberOrNull(name, 0, RopeScaling.MAX_FACTOR);
  }

  /** The reference takes 0 for "not set" here. */
  private static @Nullable Double orNullIfZero(@Nullable Double value) {
    return value != null && value == 0 ? null : value;
  }
}
