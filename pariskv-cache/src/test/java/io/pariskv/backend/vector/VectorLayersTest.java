package io.pariskv.backend.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.backend.LayerStages;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.layer.Linear;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every layer stage gives what the scalar backend gives. */
class VectorLayersTest {
  private static final double TOLERANCE = 2e-5;
  private static final long SEED = 41;

  private final HostAllocator memory = new HostAllocator();
  private final Numbers numbers = new Numbers(memory, SEED);
  private final VectorBackend backend = new VectorBackend(3);
  private final LayerStages vector = backend.layers();
  private final LayerStages scalar = new ScalarBackend().layers();

  @AfterEach
  void close() {
    backend.close();
    memory.close();
  }

  @ParameterizedTest
  @CsvSource({"1,1,1", "1,384,256", "1,100,7", "2,33,5", "3,384,66", "7,17,130", "8,64,64",
      "9,16,16", "9,1,1", "13,33,65", "50,384,96", "97,1100,70", "200,80,33", "40,2500,40",
      "31,100,9", "32,99,9", "33,16,16",
      "35,20,3000"})
  void matMul_equalsScalar(int rows, int in, int out) {
    Buffer x = numbers.normal(rows, in);
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
      for (@Nullable
      Buffer bias : new @Nullable Buffer[]{null, numbers.normal(out)}) {
        Linear linear = new Linear(numbers.unaligned(type, out, in), bias);
        Buffer expected = numbers.zeros(DType.F32, rows, out);
        Buffer actual = numbers.normal(rows, out);

        scalar.matMul().multiply(x, linear, expected);
        vector.matMul().multiply(x, linear, actual);

        Numbers.assertClose(expected, actual, TOLERANCE,
            type + (bias == null ? "" : " with bias"));
      }
    }
  }

  @Test
  void matMul_ofMoreWeightsThanArePackedAtOnce_equalsScalar() {
    Buffer x = numbers.normal(33, 3000);
    Linear linear = new Linear(numbers.unaligned(DType.BF16, 1500, 3000), null);
    Buffer expected = numbers.zeros(DType.F32, 33, 1500);
    Buffer actual = numbers.normal(33, 1500);

    scalar.matMul().multiply(x, linear, expected);
    vector.matMul().multiply(x, linear, actual);

    Numbers.assertClose(expected, actual, TOLERANCE, "two rounds");
  }

  @Test
  void matMul_ofWrongShapes_namesBoth() {
    Linear linear = new Linear(numbers.normal(4, 3), null);

    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> vector.matMul()
        .multiply(numbers.normal(2, 5), linear, numbers.normal(2, 4)));

    assertEquals("linear input must be [2][3] f32, not [2][5] f32", e.getMessage());
  }

  @ParameterizedTest
  @CsvSource({"1,384", "5,128", "300,96", "2,7", "40,80"})
  void rmsNorm_equalsScalar_alsoInPlace(int rows, int width) {
    Buffer x = numbers.spread(3, rows, width);
    Buffer weight = numbers.normal(width);
    Buffer expected = numbers.zeros(DType.F32, rows, width);
    Buffer actual = numbers.zeros(DType.F32, rows, width);

    scalar.rmsNorm().normalize(x, weight, 1e-6f, expected);
    vector.rmsNorm().normalize(x, weight, 1e-6f, actual);
    vector.rmsNorm().normalize(x, weight, 1e-6f, x);

    Numbers.assertClose(expected, actual, 1e-6, "apart");
    Numbers.assertClose(expected, x, 1e-6, "in place");
  }

  @ParameterizedTest
  @CsvSource({"1,8,128", "33,3,80", "260,2,16", "4,7,96", "3,2,6"})
  void rotary_equalsScalar(int rows, int heads, int headDim) {
    Random random = new Random(SEED);
    Batch batch = new Batch(rows, numbers.zeros(DType.I32, rows),
        numbers.ints(random.ints(rows, 0, 1 << 20).toArray()));
    Buffer frequencies = numbers.zeros(DType.F32, headDim / 2);
    for (int i = 0; i < headDim / 2; i++) {
      Numbers.set(frequencies, i, (float) Math.pow(10_000, -2.0 * i / headDim));
    }
    Buffer table = numbers.zeros(DType.F32, rows, 2, headDim / 2);
    Buffer expectedTable = numbers.zeros(DType.F32, rows, 2, headDim / 2);
    Buffer actual = numbers.normal(rows, heads, headDim);
    Buffer expected = numbers.copy(actual);

    scalar.rotary().angles(batch, frequencies, 1.5f, expectedTable);
    vector.rotary().angles(batch, frequencies, 1.5f, table);
    scalar.rotary().rotate(expected, expectedTable);
    vector.rotary().rotate(actual, table);

    Numbers.assertClose(expectedTable, table, 0, "table");
    Numbers.assertClose(expected, actual, 1e-6, "rotated");
  }

  @ParameterizedTest
  @CsvSource({"1,768", "200,99", "3,5"})
  void swiGlu_equalsScalar_alsoForLargeGates(int rows, int width) {
    Buffer gate = numbers.spread(30, rows, width);
    Numbers.set(gate, 0, -1e30f);
    Numbers.set(gate, 1, -200);
    Numbers.set(gate, 2, 100);
    Buffer up = numbers.normal(rows, width);
    Buffer expected = numbers.zeros(DType.F32, rows, width);
    Buffer actual = numbers.zeros(DType.F32, rows, width);

    scalar.swiGlu().apply(gate, up, expected);
    vector.swiGlu().apply(gate, up, actual);
    vector.swiGlu().apply(gate, up, gate);

    Numbers.assertClose(expected, actual, 1e-6, "apart");
    Numbers.assertClose(expected, gate, 1e-6, "in place");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 300})
  void embedding_equalsScalar_ofEveryType(int rows) {
    Buffer tokens = numbers.ints(new Random(SEED).ints(rows, 0, 50).toArray());
    for (DType type : List.of(DType.F32, DType.F16, DType.BF16)) {
      Buffer table = numbers.unaligned(type, 50, 99);
      Buffer expected = numbers.zeros(DType.F32, rows, 99);
      Buffer actual = numbers.zeros(DType.F32, rows, 99);

      scalar.embedding().embed(tokens, table, expected);
      vector.embedding().embed(tokens, table, actual);

      Numbers.assertClose(expected, actual, 0, type.toString());
    }
  }

  @Test
  void embedding_ofEveryF16_equalsTheJdk() {
    Buffer table = numbers.zeros(DType.F16, 1, 1 << 16);
    for (int i = 0; i < 1 << 16; i++) {
      table.segment().setAtIndex(ValueLayout.JAVA_SHORT, i, (short) i);
    }
    Buffer out = numbers.zeros(DType.F32, 1, 1 << 16);

    vector.embedding().embed(numbers.ints(0), table, out);

    for (int i = 0; i < 1 << 16; i++) {
      assertEquals(Float.float16ToFloat((short) i),
          out.segment().getAtIndex(ValueLayout.JAVA_FLOAT, i), "f16 " + Integer.toHexString(i));
    }
  }

  @Test
  void sampler_choosesWhatScalarChooses() {
    int rows = 40;
    int vocabulary = 77;
    Random random = new Random(SEED);
    Buffer logits = numbers.normal(rows, vocabulary);
    Buffer floats = numbers.zeros(DType.F32, rows, 4);
    Buffer ints = numbers.zeros(DType.I32, rows, 3);
    Buffer seen = numbers.zeros(DType.U8, rows, vocabulary);
    Buffer forbidden = numbers.zeros(DType.I32, rows, SamplerRows.words(vocabulary));
    for (int r = 0; r < rows; r++) {
      Numbers.set(floats, 4L * r, r % 4 == 3 ? 0.8f : 0);
      Numbers.set(floats, 4L * r + 1, 0.9f);
      Numbers.set(floats, 4L * r + 3, r % 2 == 0 ? 1 : 1.7f);
      ints.segment().setAtIndex(ValueLayout.JAVA_INT, 3L * r + 1, random.nextInt());
      for (int word = 0; word < SamplerRows.words(vocabulary) && r % 3 == 0; word++) {
        forbidden.segment().setAtIndex(ValueLayout.JAVA_INT,
            (long) r * SamplerRows.words(vocabulary) + word, random.nextInt());
      }
      for (int i = 0; i < vocabulary; i++) {
        long at = (long) r * vocabulary + i;
        seen.segment().set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt(2));
        if (r % 5 == 0) {
          Numbers.set(logits, at, random.nextInt(-1, 2)); // ties
        }
        if (r % 7 == 0) {
          Numbers.set(logits, at, r == 7 || i % 3 == 0 ? Float.NaN : -0f);
        }
      }
    }
    Batch batch = new Batch(rows, numbers.zeros(DType.I32, rows), numbers.zeros(DType.I32, rows));
    Buffer expected = numbers.zeros(DType.I32, rows);
    Buffer actual = numbers.zeros(DType.I32, rows);
    Buffer expectedSeen = numbers.copy(seen);

    scalar.sampler().sample(logits, batch,
        new SamplerRows(floats, ints, expectedSeen, forbidden), expected);
    vector.sampler().sample(logits, batch, new SamplerRows(floats, ints, seen, forbidden), actual);

    assertArrayEquals(expected.segment().toArray(ValueLayout.JAVA_INT),
        actual.segment().toArray(ValueLayout.JAVA_INT));
    assertArrayEquals(expectedSeen.segment().toArray(ValueLayout.JAVA_BYTE),
        seen.segment().toArray(ValueLayout.JAVA_BYTE));
  }
}
