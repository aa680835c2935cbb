package io.pariskv.backend.scalar;

import io.pariskv.backend.AttentionStages;
import io.pariskv.backend.HashStages;
import io.pariskv.backend.LayerStages;
import io.pariskv.backend.QuantizerStages;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.backend.SelectionStages;
import io.pariskv.backend.StagedNormedMatMul;
import io.pariskv.backend.StagedPreparation;
import io.pariskv.backend.host.HostBackend;
import io.pariskv.backend.host.HostHeadBlocks;
import io.pariskv.backend.host.HostKeyCentre;
import io.pariskv.backend.host.HostSelectionCounts;
import io.pariskv.layer.MatMul;
import io.pariskv.layer.RmsNorm;
import io.pariskv.layer.SwiGlu;

/** Plain Java on the CPU: the oracle. */
public final class ScalarBackend extends HostBackend {
  private final RmsNorm rmsNorm = new ScalarRmsNorm();
  private final MatMul matMul = new ScalarMatMul();
  private final SwiGlu swiGlu = new ScalarSwiGlu();
  private final LayerStages layers = new LayerStages(new ScalarEmbedding(), rmsNorm, matMul,
      new StagedNormedMatMul(rmsNorm, matMul, swiGlu), new ScalarRotary(), swiGlu,
      new ScalarTokenSampler(), new ScalarRandomFill());
  private final AttentionStages attention = new AttentionStages(new ScalarKvAdvance(),
      new ScalarKvAppend(),
      new StagedPreparation(layers.rmsNorm(), layers.rotary(), new ScalarKvAppend()),
      new ScalarPrefillAttention(), new ScalarDecodeAttention(), new ScalarPerHeadAttention());
  private final RetrievalStages retrieval = new RetrievalStages(new HostKeyCentre(),
      new ScalarKeyEncoder(), new ScalarQueryBlocks(), new ScalarCentroidTiers(),
      new ScalarCollisionVote(), new ScalarCentroidScores(), new ScalarScoreVote(),
      new ScalarBucketTopK(), new ScalarRerank(), new ScalarTopK(), new HostHeadBlocks(),
      new ScalarHeadVotes(), new ScalarHeadScores(), new ScalarValueNorms(),
      new ScalarAdaptiveTopK());

  private final SelectionStages selection = new SelectionStages(new ScalarPageBounds(),
      new ScalarKeyScores(), new ScalarPageScores(), new ScalarHeadWeights(), new ScalarZoneTopK(),
      new HostSelectionCounts());

  private final QuantizerStages quantizer = new QuantizerStages(new ScalarKeySample(),
      new ScalarCodebookTraining(), new ScalarKeyCoding(), new ScalarCodeScores());

  private final HashStages hashes = new HashStages(new ScalarKeyMean(), new ScalarKeyHashing(),
      new ScalarHashSampling());

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public String description() {
    return "plain Java";
  }

  @Override
  public LayerStages layers() {
    return layers;
  }

  @Override
  public AttentionStages attention() {
    return attention;
  }

  @Override
  public RetrievalStages retrieval() {
    return retrieval;
  }

  @Override
  public SelectionStages selection() {
    return selection;
  }

  @Override
  public QuantizerStages quantizer() {
    return quantizer;
  }

  @Override
  public HashStages hashes() {
    return hashes;
  }
}
