package io.pariskv.eval.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What tells models and data apart when a run is resumed. */
class FingerprintTest {
  private static final int WEIGHTS = 3 << 20;
  private static final int SAMPLED = 1 << 20;

  @TempDir
  private Path directory;

  private byte[] weights = new byte[0];

  @BeforeEach
  void write() throws IOException {
    weights = new byte[WEIGHTS];
    new Random(1).nextBytes(weights);
    Files.write(file("model.safetensors"), weights);
    Files.writeString(file("config.json"), "{}");
  }

  private Path file(String name) {
    return directory.resolve(name);
  }

  private void writeZeroed(int from, int to) throws IOException {
    byte[] changed = weights.clone();
    Arrays.fill(changed, from, to, (byte) 0);
    Files.write(file("model.safetensors"), changed);
  }

  @Test
  void weightsThatDiffer_areAnotherModel_whereverTheyAre() throws IOException {
    String before = ModelFingerprint.of(directory);
    assertEquals(before, ModelFingerprint.of(directory));
    writeZeroed(WEIGHTS - 200_000, WEIGHTS);
    assertNotEquals(before, ModelFingerprint.of(directory));
    writeZeroed(1_500_000, 1_500_001);
    assertNotEquals(before, ModelFingerprint.of(directory));
    writeZeroed(0, 0);
    assertEquals(before, ModelFingerprint.of(directory));
    Files.writeString(file("config.json"), "{ }");
    assertNotEquals(before, ModelFingerprint.of(directory));
  }

  /** Of large files pages are read. */
  @Test
  void largeWeights_areSampledThroughout() throws IOException {
    String before = ModelFingerprint.of(directory, SAMPLED);
    for (int from : new int[]{0, 1 << 20, 1_500_000, WEIGHTS - (1 << 20)}) {
      writeZeroed(from, from + (1 << 20));
      assertNotEquals(before, ModelFingerprint.of(directory, SAMPLED), "changed from " + from);
    }
    writeZeroed(WEIGHTS - 10, WEIGHTS);
    assertNotEquals(before, ModelFingerprint.of(directory, SAMPLED));
    writeZeroed(0, 0);
    assertEquals(before, ModelFingerprint.of(directory, SAMPLED));
  }

  @Test
  void data_areToldApartByWhatTheyHave_notByWhereTheyAre() throws IOException {
    Path one = Files.createDirectory(file("one"));
    Path other = Files.createDirectory(file("other"));
    for (Path each : new Path[]{one, other}) {
      Files.writeString(each.resolve("aime.jsonl"), "first");
    }
    String before = DataFingerprint.of(one);
    assertEquals(before, DataFingerprint.of(other));
    Files.writeString(other.resolve("notes"), "no task reads these");
    assertEquals(before, DataFingerprint.of(other));
    Files.writeString(other.resolve("aime.jsonl"), "later");
    assertNotEquals(before, DataFingerprint.of(other));
    assertNotEquals(DataFingerprint.of(one.resolve("aime.jsonl")),
        DataFingerprint.of(other.resolve("aime.jsonl")));
    assertEquals("none", DataFingerprint.of(null));
    assertEquals("none", DataFingerprint.of(file("nothing")));
  }
}
