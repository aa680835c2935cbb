package io.pariskv.backend;

import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyEncoder;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ValueNorms;
import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.AdaptiveTopK;
import io.pariskv.retrieve.BucketTopK;
import io.pariskv.retrieve.CentroidScores;
import io.pariskv.retrieve.CentroidTiers;
import io.pariskv.retrieve.CollisionVote;
import io.pariskv.retrieve.HeadBlocks;
import io.pariskv.retrieve.HeadScores;
import io.pariskv.retrieve.HeadVotes;
import io.pariskv.retrieve.QueryBlocks;
import io.pariskv.retrieve.Rerank;
import io.pariskv.retrieve.ScoreVote;
import io.pariskv.retrieve.TopK;

/**
 * Encoding and retrieval on one backend, in the order of the data flow; then what heads that choose together need,
 * and last an adaptive budget.
 */
public record RetrievalStages(KeyCentre keyCentre, KeyEncoder keyEncoder, QueryBlocks queryBlocks,
    CentroidTiers centroidTiers, CollisionVote collisionVote, CentroidScores centroidScores,
    ScoreVote scoreVote, BucketTopK bucketTopK, Rerank rerank, TopK topK, HeadBlocks headBlocks,
    HeadVotes headVotes, HeadScores headScores, ValueNorms valueNorms, AdaptiveTopK adaptiveTopK) {

  /** What the index looks up for each centroid: its tier, or its score. */
  void table(KeyIndex index, int layer, Batch batch, Buffer blocks, Buffer table) {
    switch (index.coarse()) {
      case TIERS -> centroidTiers.rank(index, layer, batch, blocks, table);
      case SCORES -> centroidScores.quantise(index, batch, blocks, table);
    }
  }

  /** What the look-ups of a key add up to. */
  void vote(KeyIndex index, int layer, Batch batch, Buffer table, Buffer votes) {
    switch (index.coarse()) {
      case TIERS -> collisionVote.vote(index, layer, batch, table, votes);
      case SCORES -> scoreVote.vote(index, layer, batch, table, votes);
    }
  }
}
