package io.pariskv.app.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.backend.Step;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.model.ModelConfig;
import io.pariskv.transformer.Transformer;
import java.util.ArrayList;
import java.util.List;

/** Times all linear layers of a decode step of a model of a known shape, as one recorded step. */
public final class LinearBench implements AutoCloseable {
  /**
   * One line.
   *
   * @param bytes of the weights
   */
  public record Row(int batch, double msMedian, double msP95, long bytes) {
    /** Bytes of weights read a second of the median step. */
    public double gigabytesPerSecond() {
      return bytes / msMedian / 1e6;
    }
  }

  private final ModelConfig config;
  private final List<Integer> batches;
  private final Backend backend;
  private final Transformer transformer;

  /** Opens the backend and makes the weights, unless they do not fit. */
  public LinearBench(String backendName, ModelConfig config, List<Integer> batches, long seed) {
    this.config = config;
    this.batches = batches;
    int most = batches.stream().max(Integer::compare).orElseThrow();
    backend = Backends.open(backendName);
    try {
      MemoryPlan plan = backend.plan()
          .with("random weights", Transformer.randomWeightBytes(config))
          .with("activations", Transformer.scratchBytes(config, most))
          .with("logits", 4L * most * config.vocabSize());
      plan.requireFits(backend.available(), "use a smaller --shape or --batch");
      transformer = Transformer.random(backend, config, most, seed);
    } catch (RuntimeException | Error e) {
      backend.close();
      throw e;
    }
  }

  /** The machine. */
  public Backend backend() {
    return backend;
  }

  /** Measures batch after batch. */
  public List<Row> run(int runs) {
    List<Row> rows = new ArrayList<>();
    for (int batch : batches) {
      rows.add(measure(batch, runs));
    }
    return rows;
  }

  private Row measure(int batch, int runs) {
    try (Allocator memory = backend.newAllocator()) {
      Buffer x = memory.allocate(DType.F32, batch, config.hiddenSize());
      Buffer logits = memory.allocate(DType.F32, batch, config.vocabSize());
      backend.layers().randomFill().fill(x, 1, 1);
      try (Step step = backend.record(() -> transformer.linearLayers(x, logits))) {
        Timing timing = Timing.of(backend, step, runs);
        return new Row(batch, timing.median(), timing.p95(), weightBytes());
      }
    }
  }

  /** Those of the layers and the head; an embedding that is not the head as well is not multiplied. */
  private long weightBytes() {
    long embedding = (long) DType.BF16.bytes() * config.hiddenSize() * config.vocabSize();
    return Transformer.randomWeightBytes(config) - (config.tieWordEmbeddings() ? 0 : embedding);
  }

  @Override
  public void close() {
    transformer.close();
    backend.close();
  }
}
