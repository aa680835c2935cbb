package io.pariskv.testing;

import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;

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
      List<float[]> outputs = prompt(rows, name, cache.length(), shape.layers());
      rows.commit();
      return outputs;
    }
  }

  /** Feeds a chunk as if it failed when layer {@code layer} had been appended. */
  public void giveUp(KvCache cache, String name, int tokens, int layer) {
    try (Rows rows = cache.prefill(tokens)) {
      prompt(rows, name, cache.length(), layer);
      try (Buffers buffers = new Buffers(pool.backend())) {
        List<Integer> positions = positions(cache.length(), tokens);
        List<String> names = Collections.nCopies(tokens, name);
        rows.append(layer, vectors(buffers, names, positions, layer, "k", shape.kvHeads()),
            vectors(buffers, names, positions, layer, "v", shape.kvHeads()));
      }
    }
  }

  /** Begins a step of {@code batch} as if it failed after layer {@code layer}. */
  public void giveUp(DecodeBatch batch, List<String> names, int layer) {
    batch.prepare();
    run(batch, names, batch.zones().stream().map(TokenZones::length).toList(), layer + 1);
  }

  private List<float[]> prompt(Rows rows, String name, int start, int layers) {
    int count = rows.batch().rows();
    return run(rows, Collections.nCopies(count, name), positions(start, count), layers);
  }

  private static List<Integer> positions(int start, int count) {
    return IntStream.range(start, start + count).boxed().toList();
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
    List<Integer> positions = batch.zones().stream().map(TokenZones::length).toList();
    List<float[]> outputs = run(batch, names, positions, shape.layers());
    batch.commit();
    return outputs;
  }

  private List<float[]> run(Rows rows, List<String> names, List<Integer> positions, int layers) {
    int width = shape.heads() * shape.headDim();
    List<float[]> outputs = new ArrayList<>();
    names.forEach(name -> outputs.add(new float[shape.layers() * width]));
    rows.begin();
    for (int layer = 0; layer < layers; layer++) {
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
