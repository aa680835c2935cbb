package io.pariskv.backend.vector;

import io.pariskv.backend.AttentionStages;
import io.pariskv.backend.HashStages;
import io.pariskv.backend.LayerStages;
import io.pariskv.backend.QuantizerStages;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.backend.SelectionStages;
import io.pariskv.backend.StagedNormedMatMul;
import io.pariskv.backend.StagedPreparation;
import io.pariskv.backend.Stages;
import io.pariskv.backend.host.HostBackend;
import io.pariskv.backend.host.HostHeadBlocks;
import io.pariskv.backend.host.HostKeyCentre;
import io.pariskv.backend.host.HostSelectionCounts;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.BucketLists;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.layer.MatMul;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.SwiGlu;
import org.jspecify.annotations.Nullable;

/** The Vector API on all cores of the CPU. */
public final class VectorBackend extends HostBackend {
  private final Workers workers;
  private final Stages stages;

  /** On all processors. */
  public VectorBackend() {
    this(Runtime.getRuntime().availableProcessors());
  }

  /** On {@code threads} threads, the caller's included. */
  public VectorBackend(int threads) {
    workers = new Workers(threads);
    stages = newStages(workers);
  }

  private static Stages newStages(Workers workers) {
    ScalarBackend scalar = new ScalarBackend(); // for what is not worth a vector version
    RmsNorm rmsNorm = new VectorRmsNorm(workers);
    MatMul matMul = new VectorMatMul(workers);
    SwiGlu swiGlu = new VectorSwiGlu(workers);
    LayerStages layers = new LayerStages(new VectorEmbedding(workers), rmsNorm, matMul,
        new StagedNormedMatMul(rmsNorm, matMul, swiGlu), new VectorRotary(workers), swiGlu,
        new VectorTokenSampler(scalar.layers().sampler()), new VectorRandomFill(workers));
    VectorKvAppend append = new VectorKvAppend(workers);
    AttentionStages attention = new AttentionStages(scalar.attention().advance(), append,
        new StagedPreparation(layers.rmsNorm(), layers.rotary(), append),
        new VectorPrefillAttention(workers), new VectorDecodeAttention(workers),
        new VectorPerHeadAttention(workers));
    RetrievalStages retrieval = new RetrievalStages(new HostKeyCentre(),
        new VectorKeyEncoder(workers),
        new VectorQueryBlocks(), new VectorCentroidTiers(workers), new VectorCollisionVote(workers),
        new VectorCentroidScores(workers), new VectorScoreVote(workers),
        new VectorBucketTopK(workers), new VectorRerank(workers), new VectorTopK(workers),
        new HostHeadBlocks(), new VectorHeadVotes(workers), new VectorHeadScores(workers),
        new VectorValueNorms(workers), new VectorAdaptiveTopK(workers));
    SelectionStages selection = new SelectionStages(new VectorPageBounds(workers),
        new VectorKeyScores(workers),
        new VectorPageScores(workers), new VectorHeadWeights(workers), new VectorZoneTopK(workers),
        new HostSelectionCounts());
    QuantizerStages quantizer = new QuantizerStages(scalar.quantizer().sample(),
        new VectorCodebookTraining(workers), new VectorKeyCoding(workers),
        new VectorCodeScores(workers));
    HashStages hashes = new HashStages(new VectorKeyMean(workers), new VectorKeyHashing(workers),
        new VectorHashSampling(workers));
    return new Stages(layers, attention, retrieval, selection, quantizer, hashes);
  }

  /** Why this backend cannot be used here, or null if it can. */
  public static @Nullable String unusable() {
    return ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent()
        ? null
        : "start Java with --add-modules jdk.incubator.vector";
  }

  @Override
  public String name() {
    return "vector";
  }

  @Override
  public String description() {
    return Species.BITS + "-bit vectors, " + workers.count() + " threads";
  }

  @Override
  public Stages stages() {
    return stages;
  }

  @Override
  public BucketLists newBucketLists(KvShape shape, int slots, SimHash hash) {
    return new VectorBucketLists(workers, shape, slots, hash);
  }

  @Override
  public void close() {
    workers.close();
  }
}
