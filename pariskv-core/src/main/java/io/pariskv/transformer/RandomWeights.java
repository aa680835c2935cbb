package io.pariskv.transformer;

import io.pariskv.backend.Backend;
import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The parameters of a model that was never trained, made where the stages run: bf16 matrices with rows of
 * about unit gain, so that activations stay finite, norms of one, no biases. They cost what a real model
 * costs.
 */
final class RandomWeights {
  private final Backend backend;
  private final Allocator allocator;
  private final ModelConfig config;
  private long seed;

  private RandomWeights(Backend backend, Allocator allocator, ModelConfig config, long seed) {
    this.backend = backend;
    this.allocator = allocator;
    this.config = config;
    this.seed = seed;
  }

  static ModelWeights make(ModelConfig config, Backend backend, Allocator allocator, long seed) {
    return new RandomWeights(backend, allocator, config, seed).make();
  }

  /** Bytes of all matrices. */
  static long bytes(ModelConfig config) {
    long hidden = config.hiddenSize();
    long attention = 2 * hidden * config.headDim() * (config.heads() + config.kvHeads());
    long layer = attention + 3 * hidden * config.intermediateSize();
    long embeddings = (config.tieWordEmbeddings() ? 1 : 2) * hidden * config.vocabSize();
    return DType.BF16.bytes() * (config.layers() * layer + embeddings);
  }

  private ModelWeights make() {
    Buffer embedding = matrix(config.vocabSize(), config.hiddenSize());
    Buffer head = config.tieWordEmbeddings()
        ? embedding
        : matrix(config.vocabSize(), config.hiddenSize());
    return new ModelWeights(embedding,
        IntStream.range(0, config.layers()).mapToObj(_ -> layer()).toList(),
        norm(), new Linear(head, null));
  }

  private LayerWeights layer() {
    int hidden = config.hiddenSize();
    int q = config.heads() * config.headDim();
    int kv = config.kvHeads() * config.headDim();
    int intermediate = config.intermediateSize();
    return new LayerWeights(norm(),
        List.of(linear(q, hidden), linear(kv, hidden), linear(kv, hidden)), linear(hidden, q),
        headNorm(), headNorm(), norm(),
        new GatedLinear(linear(intermediate, hidden), linear(intermediate, hidden)),
        linear(hidden, intermediate));
  }

  private Norm norm() {
    return new Norm(ones(config.hiddenSize()), config.rmsNormEps());
  }

  private Linear linear(int out, int in) {
    return new Linear(matrix(out, in), null);
  }

  private Buffer matrix(int out, int in) {
    Buffer weights = allocator.allocate(DType.BF16, out, in);
    backend.layers().randomFill().fill(weights, seed++, (float) (1 / Math.sqrt(in)));
    return weights;
  }

  private @Nullable Buffer headNorm() {
    return config.qkNorm() ? ones(config.headDim()) : null;
  }

  private Buffer ones(int width) {
    float[] ones = new float[width];
    Arrays.fill(ones, 1);
    Buffer buffer = allocator.allocate(DType.F32, width);
    backend.upload(MemorySegment.ofArray(ones), buffer);
    return buffer;
  }
}
