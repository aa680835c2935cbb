package io.pariskv.backend.scalar;

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
import io.pariskv.layer.MatMul;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.SwiGlu;

/** Plain Java on the CPU: the oracle. */
public final class ScalarBackend extends HostBackend {
  private final Stages stages = newStages();

  private static Stages newStages() {
    RmsNorm rmsNorm = new ScalarRmsNorm();
    MatMul matMul = new ScalarMatMul();
    SwiGlu swiGlu = new ScalarSwiGlu();
    LayerStages layers = new LayerStages(new ScalarEmbedding(), rmsNorm, matMul,
        new StagedNormedMatMul(rmsNorm, matMul, swiGlu), new ScalarRotary(), swiGlu,
        new ScalarTokenSampler(), new ScalarRandomFill());
    AttentionStages attention = new AttentionStages(new ScalarKvAdvance(),
        new ScalarKvAppend(),
        new StagedPreparation(layers.rmsNorm(), layers.rotary(), new ScalarKvAppend()),
        new ScalarPrefillAttention(), new ScalarDecodeAttention(), new ScalarPerHeadAttention());
    RetrievalStages retrieval = new RetrievalStages(new HostKeyCentre(),
        new ScalarKeyEncoder(), new ScalarQueryBlocks(), new ScalarCentroidTiers(),
        new ScalarCollisionVote(), new ScalarCentroidScores(), new ScalarScoreVote(),
        new ScalarBucketTopK(), new ScalarRerank(), new ScalarTopK(), new HostHeadBlocks(),
        new ScalarHeadVotes(), new ScalarHeadScores(), new ScalarValueNorms(),
        new ScalarAdaptiveTopK());
    SelectionStages selection = new SelectionStages(new ScalarPageBounds(),
        new ScalarKeyScores(), new ScalarPageScores(), new ScalarHeadWeights(),
        new ScalarZoneTopK(), new HostSelectionCounts());
    QuantizerStages quantizer = new QuantizerStages(new ScalarKeySample(),
        new ScalarCodebookTraining(), new ScalarKeyCoding(), new ScalarCodeScores());
    HashStages hashes = new HashStages(new ScalarKeyMean(), new ScalarKeyHashing(),
        new ScalarHashSampling());
    return new Stages(layers, attention, retrieval, selection, quantizer, hashes);
  }

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public String description() {
    return "plain Java";
  }

  @Override
  public Stages stages() {
    return stages;
  }
}
