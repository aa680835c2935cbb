package io.pariskv.transformer;

import io.pariskv.attention.HeadTurn;
import io.pariskv.backend.Backend;
import io.pariskv.backend.LayerStages;
import io.pariskv.cache.Rows;
import io.pariskv.layer.Linear;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.RopeFrequencies;
import io.pariskv.model.file.ModelTensors;
import java.lang.foreign.MemorySegment;
import java.util.function.Function;

/**
 * A decoder-only transformer of the Llama family (Llama, Mistral, Qwen2, Qwen3) on one backend.
 *
 * <p>{@link #forward} is the whole of it: the same pass serves a chunk of a prompt and a decode step of
 * several sequences, on every backend. Nothing in it reads a value back to the host. One driving
 * thread. The mapped tensors must outlive it.
 */
public final class Transformer implements AutoCloseable {
  private final Backend backend;
  private final LayerStages stages;
  private final ModelConfig config;
  private final ModelWeights weights;
  private final RopeFrequencies rope;
  private final Allocator memory;
  private final Buffer frequencies;
  private final Activations activations;
  private final int maxRows;

  /**
   * Places the weights and allocates the intermediate results.
   *
   * @param maxRows most rows of one pass
   */
  public Transformer(Backend backend, ModelConfig config, ModelTensors tensors, int maxRows) {
    this(backend, config, memory -> ModelWeights.place(tensors, backend, memory), maxRows);
  }

  /** A model of that shape with random weights, for benchmarks. */
  public static Transformer random(Backend backend, ModelConfig config, int maxRows, long seed) {
    return new Transformer(backend, config,
        memory -> RandomWeights.make(config, backend, memory, seed), maxRows);
  }

  private Transformer(Backend backend, ModelConfig config,
      Function<Allocator, ModelWeights> weights, int maxRows) {
    this.backend = backend;
    this.stages = backend.layers();
    this.config = config;
    this.maxRows = maxRows;
    this.rope = new RopeFrequencies(config);
    this.memory = backend.newAllocator();
    try {
      this.weights = weights.apply(memory);
      this.activations = Activations.allocate(config, maxRows, memory);
      this.frequencies = memory.allocate(DType.F32, config.headDim() / 2);
      setSequenceLength(0);
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  /** Bytes of the weights that {@link #random} makes. */
  public static long randomWeightBytes(ModelConfig config) {
    return RandomWeights.bytes(config);
  }

  /** Bytes of intermediate results for passes of up to {@code rows} rows. */
  public static long scratchBytes(ModelConfig config, int rows) {
    return Activations.bytes(config, rows);
  }

  /** The sizes and constants of the model. */
  public ModelConfig config() {
    return config;
  }

  /** The machine it runs on. */
  public Backend backend() {
    return backend;
  }

  /** Most rows of one pass. */
  public int maxRows() {
    return maxRows;
  }

  /** Whether {@link #setSequenceLength} must be called as a sequence grows. */
  public boolean dependsOnSequenceLength() {
    return rope.dependsOnLength();
  }

  /** Sets the rotary frequencies for a sequence of {@code tokens} tokens; most models ignore it. */
  public void setSequenceLength(int tokens) {
    backend.upload(MemorySegment.ofArray(rope.inverseFrequencies(tokens)), frequencies);
  }

  /**
   * Tokens to hidden states, in stream order: writes K and V of the rows into their cache.
   *
   * @param rows the rows and their way through the cache
   * @param tokens {@code [rows] i32}, each in the vocabulary
   * @return {@code [rows][hidden] f32}, valid until the next pass
   */
  public Buffer forward(Rows rows, Buffer tokens) {
    int count = rows.batch().rows();
    Activations a = activations.rows(count);
    float epsilon = config.rmsNormEps();

    rows.begin();
    stages.rotary().angles(rows.batch(), frequencies, rope.attentionScale(), a.angles());
    stages.embedding().embed(tokens, weights.embedding(), a.hidden());

    for (int layer = 0; layer < config.layers(); layer++) {
      LayerWeights w = weights.layers().get(layer);

      stages.rmsNorm().normalize(a.hidden(), w.attentionNorm(), epsilon, a.normed());
      project(a.normed(), w.q(), a.q());
      project(a.normed(), w.k(), a.k());
      project(a.normed(), w.v(), a.v());
      HeadTurn turn = new HeadTurn(a.angles(), w.qNorm(), w.kNorm(), config.rmsNormEps());
      rows.prepare(layer, turn, a.q(), a.k(), a.v());
      rows.attend(layer, a.q(), a.attended());
      project(a.attended(), w.o(), a.normed());
      stages.residual().add(a.hidden(), a.normed());

      stages.rmsNorm().normalize(a.hidden(), w.mlpNorm(), epsilon, a.normed());
      project(a.normed(), w.gate(), a.gate());
      project(a.normed(), w.up(), a.up());
      stages.swiGlu().apply(a.gate(), a.up(), a.gate());
      project(a.gate(), w.down(), a.normed());
      stages.residual().add(a.hidden(), a.normed());
    }
    return a.hidden();
  }

  /**
   * Hidden states to logits, in stream order.
   *
   * @param hidden some rows of what {@link #forward} returned; changed
   * @param logits out, {@code [rows][vocabulary] f32}
   */
  public void logits(Buffer hidden, Buffer logits) {
    stages.rmsNorm().normalize(hidden, weights.finalNorm(), config.rmsNormEps(), hidden);
    stages.matMul().multiply(hidden, weights.head(), logits);
  }

  /** A linear layer over rows that may be seen as heads. */
  private void project(Buffer x, Linear linear, Buffer y) {
    long rows = x.shape().axis(0);
    stages.matMul().multiply(x.reshape(rows, linear.in()), linear, y.reshape(rows, linear.out()));
  }

  @Override
  public void close() {
    memory.close();
  }
}
