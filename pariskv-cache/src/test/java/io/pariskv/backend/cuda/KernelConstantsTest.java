package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.index.HadamardRotation;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.MagnitudeLevels;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.HeadWeights;
import io.pariskv.retrieve.KeyScores;
import java.io.IOException;
import java.nio.file.Files;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** What kernels repeat of Java. */
class KernelConstantsTest {

  /** The initialiser of a constant or an array of them. */
  private static String value(String name) throws IOException {
    String header = Files.readString(KernelSources.FOLDER.resolve("pariskv.cuh"))
        + Files.readString(KernelSources.FOLDER.resolve("kv_rows.cuh"))
        + Files.readString(KernelSources.FOLDER.resolve("key_summaries.cuh"))
        + Files.readString(KernelSources.FOLDER.resolve("shares.cuh"))
        + Files.readString(KernelSources.FOLDER.resolve("scored_heads.cuh"))
        + Files.readString(KernelSources.FOLDER.resolve("head_weights.cu"))
        + Files.readString(KernelSources.FOLDER.resolve("row_cache.cu"));
    Matcher constant = Pattern.compile("\\b" + name + "(?:\\[\\d+])? = \\{?([^;}]*)}?;")
        .matcher(header);
    assertTrue(constant.find(), () -> "no header defines " + name);
    return constant.group(1);
  }

  private static float[] floats(String name) throws IOException {
    String[] texts = value(name).split(",\\s*");
    float[] values = new float[texts.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = Float.parseFloat(texts[i]);
    }
    return values;
  }

  @Test
  void layouts_areThoseOfTheContracts() throws IOException {
    assertEquals(TokenSlabs.SLAB_SHIFT, Integer.parseInt(value("SLAB_SHIFT")));
    assertEquals(CudaKvStore.MAX_SLABS, Integer.parseInt(value("MAX_SLABS")));
    assertEquals(KvStore.ZONE_FIELDS, Integer.parseInt(value("ZONE_FIELDS")));
    assertEquals(KeyIndex.BUDGET_FIELDS, Integer.parseInt(value("BUDGET_FIELDS")));
    assertEquals(CudaDecodeAttention.HEADS, Integer.parseInt(value("BLOCK_HEADS")));
    assertEquals(CudaDecodeAttention.MOST_SPLITS, Integer.parseInt(value("MOST_SHARES")));
    assertEquals(RowCacheSize.MOST, Integer.parseInt(value("MOST_ROWS")));
    assertEquals(SignCentroids.SUBSPACE_DIM, Integer.parseInt(value("SUBSPACE_DIM")));
    assertEquals(SignCentroids.COUNT, Integer.parseInt(value("CENTROIDS")));
  }

  @Test
  void levels_areThoseOfTheFormat() throws IOException {
    assertArrayEquals(MagnitudeLevels.thresholds(), floats("LEVEL_BORDERS"));
    assertArrayEquals(MagnitudeLevels.levels(), floats("LEVELS"));
  }

  @Test
  void coefficientsAndSums_areThoseOfTheContracts() throws IOException {
    assertArrayEquals(HeadWeights.coefficients(), floats("POWER"));
    assertEquals(KeyScores.SUMS, Integer.parseInt(value("SUMS")));
    assertEquals(CudaKeyScores.CHUNK, Integer.parseInt(value("CHUNK")));
  }

  @Test
  void signsOfTheRotation_areThoseOfTheFormat() throws IOException {
    String[] words = value("NEGATED").split(",\\s*");
    float[] signs = new float[32 * words.length];
    for (int i = 0; i < signs.length; i++) {
      int word = Integer.decode("0x" + words[i / 32].substring(2, 4)) << 24
          | Integer.decode("0x" + words[i / 32].substring(4, 10));
      signs[i] = (word >>> i % 32 & 1) == 1 ? -1 : 1;
    }
    assertArrayEquals(HadamardRotation.signs(256), signs);
  }
}
