package io.pariskv.testing;

import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Drives a cache as a model would. Keys, values and queries depend on the sequence's name, the layer and
 * the position alone, so the same sequence can be fed in other chunks, batches or methods.
 */
public final class Passes {
  private final CachePool pool;
  private final KvShape shape;

  /** Passes over caches of {@code pool}. */
  public Passes(CachePool pool) {
    this.pool = pool;
    this.shape = pool.shape();
  }

  /** Feeds the next {@code tokens} prompt tokens; each row's outputs of all layers in sequence. */
  public List<float[]> prefill(KvCache cache, String name, int tokens) {
    try (Rows rows = cache.prefill(tokens)) {
      List<String> names = new ArrayList<>();
      List<Integer> positions = new ArrayList<>();
      for (int i = 0; i < tokens; i++) {
        names.add(name);
        positions.add(cache.length() + i);
      }
      List<float[]> outputs = run(rows, names, positions);
      rows.commit();
      return outputs;
    }
  }

  /** The next token of one sequence. */
  public float[] step(KvCache cache, String name) {
    try (DecodeBatch batch = cache.step()) {
      return step(batch, List.of(name)).getFirst();
    }
  }

  /** The next token of each sequence of {@code batch}; each row's outputs of all layers. */
  public List<float[]> step(DecodeBatch batch, List<String> names) {
    batch.prepare();
    List<Integer> positions = batch.zones().stream().map(zones -> zones.length()).toList();
    List<float[]> outputs = run(batch, names, positions);
    batch.commit();
    return outputs;
  }

  private List<float[]> run(Rows rows, List<String> names, List<Integer> positions) {
    int width = shape.heads() * shape.headDim();
    List<float[]> outputs = new ArrayList<>();
    names.forEach(name -> outputs.add(new float[shape.layers() * width]));
    rows.begin();
    for (int layer = 0; layer < shape.layers(); layer++) {
      try (Buffers buffers = new Buffers(pool.backend())) {
        Buffer out = buffers.empty(DType.F32, names.size(), shape.heads(), shape.headDim());
        rows.append(layer, vectors(buffers, names, positions, layer, "k", shape.kvHeads()),
            vectors(buffers, names, positions, layer, "v", shape.kvHeads()));
        rows.attend(layer, vectors(buffers, names, positions, layer, "q", shape.heads()), out);
        float[] all = buffers.floats(out);
        for (int row = 0; row < names.size(); row++) {
          System.arraycopy(all, row * width, outputs.get(row), layer * width, width);
        }
      }
    }
    return outputs;
  }

  private Buffer vectors(Buffers buffers, List<String> names, List<Integer> positions, int layer,
      String what, int heads) {
    int width = heads * shape.headDim();
    float[] all = new float[names.size() * width];
    for (int row = 0; row < names.size(); row++) {
      RandomGenerator random = Seeds.random(names.get(row), positions.get(row), layer, what);
      System.arraycopy(RandomKv.normal(random, width), 0, all, row * width, width);
    }
    return buffers.of(all, names.size(), heads, shape.headDim());
  }
}
