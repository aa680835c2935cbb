package io.pariskv.backend.scalar;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.ProductQuantizer;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.CodeScores;
import java.lang.foreign.MemorySegment;

/** {@link CodeScores}, key by key. */
final class ScalarCodeScores implements CodeScores {
  @Override
  public void score(KvStore kv, int layer, Batch batch, Buffer q, ProductQuantizer quantizer,
      ZoneTable codebooks, ZoneTable codes, Buffer scores) {
    KvShape shape = kv.shape();
    quantizer.requireCodebooks(shape, codebooks);
    quantizer.requireCodes(shape, codes);
    q.require("queries", DType.F32, batch.rows(), shape.heads(), shape.headDim());
    float[] queries = Elements.floats(q.segment(), DType.F32);
    for (int head = 0; head < batch.rows() * shape.heads(); head++) {
      int slot = Elements.getInt(batch.slots(), head / shape.heads());
      int kvHead = head % shape.heads() / shape.groupSize();
      int keys = HostKvStore.of(kv).zones(slot).retrievalTokens();
      scores.requireAtLeast("scores", DType.F32, batch.rows(), shape.heads(), keys);
      if (keys == 0) {
        continue; // no codebooks
      }
      float[][] products = products(queries, head * shape.headDim(),
          Centroids.read(quantizer, shape.headDim(),
              HostZoneTable.of(codebooks).row(layer, slot, kvHead, 0)));
      for (int key = 0; key < keys; key++) {
        MemorySegment code = HostZoneTable.of(codes).row(layer, slot, kvHead, key);
        float score = products[0][Elements.getByte(code, 0)];
        for (int j = 1; j < products.length; j++) {
          score += products[j][Elements.getByte(code, j)];
        }
        Elements.setFloat(scores, head * scores.shape().axis(2) + key, score);
      }
    }
  }

  /** The inner product of each centroid with its part of the query. */
  private static float[][] products(float[] q, int from, Centroids centroids) {
    ProductQuantizer quantizer = centroids.quantizer();
    float[][] products = new float[quantizer.subvectors()][quantizer.centroids()];
    for (int j = 0; j < products.length; j++) {
      for (int c = 0; c < products[j].length; c++) {
        for (int i = 0; i < centroids.width(); i++) {
          products[j][c] = Math.fma(q[from + j * centroids.width() + i], centroids.get(j, i, c),
              products[j][c]);
        }
      }
    }
    return products;
  }
}
