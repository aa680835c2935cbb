package io.pariskv.app.quality;

import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import java.util.List;

/**
 * The keys of one sequence, in slot 0, and queries to try on them.
 *
 * @param name what they are
 * @param prompt tokens of the prompt; what comes after them is generated
 */
record KeysAndQueries(String name, KvStore kv, int prompt, List<Query> queries) {

  /**
   * The query of one step.
   *
   * @param q {@code [heads][headDim]}, after RoPE
   */
  record Query(int layer, float[] q) {
  }

  /** The geometry. */
  KvShape shape() {
    return kv.shape();
  }

  /** All keys of the prompt, {@code [kvHeads][prompt][headDim]}. */
  float[][] keys(int layer) {
    int width = shape().headDim();
    float[][] keys = new float[shape().kvHeads()][prompt * width];
    float[] k = new float[shape().kvHeads() * width];
    float[] v = new float[shape().kvHeads() * width];
    for (int position = 0; position < prompt; position++) {
      kv.read(layer, 0, position, k, v);
      for (int kvHead = 0; kvHead < keys.length; kvHead++) {
        System.arraycopy(k, kvHead * width, keys[kvHead], position * width, width);
      }
    }
    return keys;
  }
}
