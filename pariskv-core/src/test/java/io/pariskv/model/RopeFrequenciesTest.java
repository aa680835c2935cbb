package io.pariskv.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against goldens.json, which src/test/python/make_rope_goldens.py computes with NumPy. */
final class RopeFrequenciesTest {

  static Stream<JsonNode> goldens() {
    try (InputStream in = RopeFrequenciesTest.class
        .getResourceAsStream("/fixtures/rope/goldens.json")) {
      JsonNode all = JsonMapper.shared().readTree(Objects.requireNonNull(in).readAllBytes());
      return StreamSupport.stream(all.spliterator(), false);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @ParameterizedTest
  @MethodSource("goldens")
  void inverseFrequencies_everyType_matchTheGoldens(JsonNode golden) {
    RopeFrequencies rope = new RopeFrequencies(config(golden));
    float[] found = rope.inverseFrequencies(golden.get("length").intValue());
    assertEquals(golden.get("head_dim").intValue() / 2, found.length);
    for (int i = 0; i < found.length; i++) {
      float expected = (float) golden.get("f32").get(i).doubleValue();
      // pow of two platforms may differ by one unit in the last place, and the ramps add one more.
      assertEquals(expected, found[i], 2 * Math.ulp(expected), golden.get("type") + ", pair " + i);
      double exact = golden.get("f64").get(i).doubleValue();
      assertEquals(exact, found[i], 1e-6 * exact, golden.get("type") + ", pair " + i);
    }
    assertEquals((float) golden.get("attention_scale").doubleValue(), rope.attentionScale());
  }

  @Test
  void inverseFrequencies_dynamic_changeOnlyBeyondTheTrainedLength() {
    RopeFrequencies rope = new RopeFrequencies(
        config(64, 10_000, 4_096, new RopeScaling.Dynamic(2)));
    assertTrue(rope.dependsOnLength());
    float[] trained = rope.inverseFrequencies(0);
    assertArrayEquals(trained, rope.inverseFrequencies(4_096));
    float previous = trained[31];
    for (int length : new int[]{4_097, 5_000, 8_192, 1_000_000, Integer.MAX_VALUE}) {
      float[] longer = rope.inverseFrequencies(length);
      assertEquals(1f, longer[0]);
      assertTrue(longer[31] < previous && longer[31] > 0, "length " + length);
      previous = longer[31];
    }
    assertArrayEquals(trained, rope.inverseFrequencies(100), "a shorter sequence starts afresh");
  }

  @Test
  void inverseFrequencies_otherTypes_doNotDependOnLength() {
    RopeFrequencies rope = new RopeFrequencies(
        config(64, 10_000, 4_096, new RopeScaling.Linear(2)));
    assertArrayEquals(rope.inverseFrequencies(1), rope.inverseFrequencies(1_000_000));
    rope.inverseFrequencies(1)[0] = 7;
    assertEquals(0.5f, rope.inverseFrequencies(1)[0], "each caller has its own copy");
    assertThrows(IllegalArgumentException.class, () -> rope.inverseFrequencies(-1));
  }

  @Test
  void scaling_outOfRange_isRefusedWithTheField() {
    refused("factor is 0.5", () -> new RopeScaling.Linear(0.5));
    refused("factor is NaN", () -> new RopeScaling.Dynamic(Double.NaN));
    refused("factor is Infinity", () -> new RopeScaling.Linear(Double.POSITIVE_INFINITY));
    refused("low_freq_factor is 4.0", () -> new RopeScaling.Llama3(8, 4, 4, 100));
    refused("low_freq_factor is 0.0", () -> new RopeScaling.Llama3(8, 0, 4, 100));
    refused("original_max_position_embeddings is 0", () -> new RopeScaling.Llama3(8, 1, 4, 0));
    refused("beta_fast is 1.0", () -> new RopeScaling.Yarn(2, 100, null, 1, 2, null, null, true));
    refused("attention_factor is 0.0",
        () -> new RopeScaling.Yarn(2, 100, 0.0, 2, 1, null, null, true));
    refused("mscale is -1.0", () -> new RopeScaling.Yarn(2, 100, null, 2, 1, -1.0, null, true));
    refused("head_dim is 2", () -> config(2, 10_000, 100, new RopeScaling.Dynamic(2)));
    refused("rope_theta is 1.0", () -> config(2, 1, 100, new RopeScaling.None()));
  }

  private static void refused(String expected, Runnable action) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, action::run);
    assertTrue(String.valueOf(e.getMessage()).startsWith(expected), e::getMessage);
  }

  private static ModelConfig config(JsonNode golden) {
    double factor = golden.path("factor").doubleValue(1);
    int original = golden.path("original").intValue(1);
    String type = golden.get("type").stringValue();
    RopeScaling scaling = switch (type) {
      case "default" -> new RopeScaling.None();
      case "linear" -> new RopeScaling.Linear(factor);
      case "dynamic" -> new RopeScaling.Dynamic(factor);
      case "llama3" -> new RopeScaling.Llama3(factor, golden.get("low").doubleValue(),
          golden.get("high").doubleValue(),
          original);
      case "yarn" -> new RopeScaling.Yarn(factor, original, optional(golden, "attention_factor"),
          golden.path("beta_fast").doubleValue(32), golden.path("beta_slow").doubleValue(1),
          optional(golden, "mscale"), optional(golden, "mscale_all_dim"),
          golden.path("truncate").booleanValue(true));
      default -> throw new AssertionError(type);
    };
    return config(golden.get("head_dim").intValue(), golden.get("theta").doubleValue(),
        golden.get("max_positions").intValue(), scaling);
  }

  private static @Nullable Double optional(JsonNode golden, String name) {
    return golden.has(name) ? (Double) golden.get(name).doubleValue() : null;
  }

  private static ModelConfig config(int headDim, double theta, int maxPositions,
      RopeScaling scaling) {
    return new ModelConfig(ModelFamily.LLAMA, 10, 4 * headDim, 8, 1, 4, 2, headDim, 1e-6f,
        maxPositions, false, false,
        false, false, false, theta, scaling, Collections.nCopies(1, 0), null, List.of(), null);
  }
}
