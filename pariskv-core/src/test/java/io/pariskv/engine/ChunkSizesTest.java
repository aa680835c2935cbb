package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.model.ModelConfig;
import io.pariskv.model.ModelShapes;
import org.junit.jupiter.api.Test;

/** Chunks of a prompt get smaller as each of their tokens attends more. */
class ChunkSizesTest {
  private static final ModelConfig MODEL = ModelShapes.named("llama-3.1-8b");

  @Test
  void chunksGetSmaller_soThatPassesTakeAboutAsLong() {
    ChunkSizes chunks = ChunkSizes.of(MODEL, 4_096, false);
    assertEquals(4_096, chunks.at(0));
    int evenAt = (int) chunks.evenAt();
    assertTrue(evenAt > 10_000 && evenAt < 20_000, "even at " + evenAt);
    assertEquals(2_048, chunks.at(evenAt), 16);
    assertEquals(512, chunks.at(500_000));
    assertEquals(2_048, ChunkSizes.of(MODEL, 4_096, true).at(500_000));
  }

  @Test
  void smallChunks_haveAtLeastOneToken() {
    for (int most : new int[]{1, 2, 7, 15, 17}) {
      for (int position : new int[]{0, 1, 1_000_000}) {
        int rows = ChunkSizes.of(MODEL, most, false).at(position);
        assertTrue(rows >= 1 && rows <= most, rows + " of " + most);
      }
    }
  }
}
