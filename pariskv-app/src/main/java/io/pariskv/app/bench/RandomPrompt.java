package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Stopwatch;
import io.pariskv.cache.KvCache;
import io.pariskv.cache.Rows;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.transformer.Transformer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Random tokens through a model in chunks, as a session computes a prompt, up to the first token. */
final class RandomPrompt {
  /**
   * What it took.
   *
   * @param seconds to the first token
   * @param commitSeconds of it where the stages run, from the end of each chunk's layers to the beginning of
   *     the next chunk: waiting until K and V are where they live, and what the method makes of the keys
   */
  record Times(double seconds, double commitSeconds) {
    static final Times NONE = new Times(0, 0);
  }

  private final Transformer transformer;
  private final Backend backend;
  private final Buffer tokens;
  private final Buffer logits;
  private final GreedySampling sampling;
  private final long seed;

  RandomPrompt(Transformer transformer, Allocator memory, long seed) {
    int vocabulary = transformer.config().vocabSize();
    this.transformer = transformer;
    this.backend = transformer.backend();
    this.seed = seed;
    tokens = memory.allocate(DType.I32, transformer.maxRows());
    logits = memory.allocate(DType.F32, 1, vocabulary);
    sampling = new GreedySampling(backend, memory, 1, vocabulary);
  }

  /** Appends a prompt of {@code length} tokens to an empty sequence. */
  Times prefill(KvCache cache, int length, Consumer<String> progress) {
    int[] ids = new SplittableRandom(seed)
        .ints(length, 0, transformer.config().vocabSize()).toArray();
    List<Stopwatch> commits = new ArrayList<>();
    try {
      long start = System.nanoTime();
      cache.expect(length);
      for (int from = 0; from < length; from += transformer.maxRows()) {
        int count = Math.min(transformer.maxRows(), length - from);
        commits.add(backend.newStopwatch());
        chunk(cache, MemorySegment.ofArray(ids).asSlice(4L * from, 4L * count),
            from + count == length, commits.getLast());
        progress.accept("prefill " + (from + count) + " of " + length + " tokens");
      }
      sampling.waitForTokens();
      double seconds = (System.nanoTime() - start) / 1e9;
      double milliseconds = commits.stream().mapToDouble(Stopwatch::milliseconds).sum();
      return new Times(seconds, milliseconds / 1e3);
    } finally {
      commits.forEach(Stopwatch::close);
    }
  }

  private void chunk(KvCache cache, MemorySegment ids, boolean last, Stopwatch commit) {
    int count = Math.toIntExact(ids.byteSize() / DType.I32.bytes());
    Buffer input = tokens.slice(0, count);
    backend.upload(ids, input);
    try (Rows rows = cache.prefill(count)) {
      Buffer hidden = transformer.forward(rows, input);
      if (last) {
        transformer.logits(hidden.slice(count - 1, count), logits);
        sampling.sample(logits, lastRow(rows.batch()));
      }
      commit.start();
      rows.commit();
      commit.stop();
    }
  }

  private static Batch lastRow(Batch batch) {
    int last = batch.rows() - 1;
    return new Batch(1, batch.slots().slice(last, last + 1),
        batch.positions().slice(last, last + 1));
  }
}
