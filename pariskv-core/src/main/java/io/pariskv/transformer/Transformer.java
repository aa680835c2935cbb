package io.pariskv.transformer;

import io.pariskv.attention.HeadTurn;
import io.pariskv.backend.Backend;
import io.pariskv.backend.LayerStages;
import io.pariskv.cache.Rows;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.model.ModelConfig;
import io.pariskv.model.RopeFrequencies;
import io.pariskv.model.file.ModelTensors;
import java.lang.foreign.MemorySegment;
import java.util.List;
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
    this(backend, config,
        memory -> ModelWeights.place(tensors, config.rmsNormEps(), backend, memory), maxRows);
  }

  /** A model of that shape with random weights, for benchmarks. */
  public static Transformer random(Backend backend, ModelConfig config, int maxRows, long seed) {
    return new Transformer(backend, config,
        memory -> RandomWeights.make(config, backend, memory, seed), maxRows);
  }

  /**
   * The same model, with intermediate results of its own: a pass of one may run between two layers of a pass of the other.
   * The caller closes it, before this one.
   *
   * @param maxRows most rows of its passes
   */
  public Transformer withOwnResults(int maxRows) {
    return new Transformer(backend, config, memory -> weights, maxRows);
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

    rows.begin();
    stages.rotary().angles(rows.batch(), frequencies, rope.attentionScale(), a.angles());
    stages.embedding().embed(tokens, weights.embedding(), a.hidden());

    for (int layer = 0; layer < config.layers(); layer++) {
      LayerWeights w = weights.layers().get(layer);

      stages.normedMatMul().multiply(a.hidden(), w.attentionNorm(), w.qkv(), a.normed(), a.qkv());
      HeadTurn turn = new HeadTurn(a.angles(), w.qNorm(), w.kNorm(), config.rmsNormEps());
      rows.prepare(layer, turn, a.q(), a.k(), a.v());
      rows.attend(layer, a.q(), a.attended());
      stages.matMul().multiplyAdd(Activations.joined(a.attended()), w.o(), a.hidden());

      stages.normedMatMul().multiplyGated(a.hidden(), w.mlpNorm(), w.gateUp(), a.normed(), a.up(),
          a.gate());
      stages.matMul().multiplyAdd(a.gate(), w.down(), a.hidden());
    }
    return a.hidden();
  }

  /**
   * Hidden states to logits, in stream order.
   *
   * @param hidden some rows of what {@link #forward} returned
   * @param logits out, {@code [rows][vocabulary] f32}
   */
  public void logits(Buffer hidden, Buffer logits) {
    stages.normedMatMul().multiply(hidden, weights.finalNorm(), List.of(weights.head()),
        activations.normed().slice(0, hidden.shape().axis(0)), List.of(logits));
  }

  /**
   * The linear layers of a pass, with the norms and sums that are part of them, and nothing between them, in
   * stream order: what they cost alone.
   *
   * @param hidden {@code [rows][hidden] f32}, changed
   * @param logits out, {@code [rows][vocabulary] f32}
   */
  public void linearLayers(Buffer hidden, Buffer logits) {
    Activations a = activations.rows(hidden.shape().extent(0));
    for (LayerWeights w : weights.layers()) {
      stages.normedMatMul().multiply(hidden, w.attentionNorm(), w.qkv(), a.normed(), a.qkv());
      stages.matMul().multiplyAdd(Activations.joined(a.q()), w.o(), hidden);
      stages.normedMatMul().multiplyGated(hidden, w.mlpNorm(), w.gateUp(), a.normed(), a.up(),
          a.gate());
      stages.matMul().multiplyAdd(a.gate(), w.down(), hidden);
    }
    logits(hidden, logits);
  }

  @Override
  public void close() {
    memory.close();
  }
}
