package io.pariskv.backend;

import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyEncoder;
import io.pariskv.retrieve.BucketTopK;
import io.pariskv.retrieve.CentroidScores;
import io.pariskv.retrieve.CentroidTiers;
import io.pariskv.retrieve.CollisionVote;
import io.pariskv.retrieve.QueryBlocks;
import io.pariskv.retrieve.Rerank;
import io.pariskv.retrieve.ScoreVote;
import io.pariskv.retrieve.TopK;

/** Encoding and retrieval on one backend, in the order of the data flow. */
public record RetrievalStages(KeyCentre keyCentre, KeyEncoder keyEncoder, QueryBlocks queryBlocks,
    CentroidTiers centroidTiers, CollisionVote collisionVote, CentroidScores centroidScores,
    ScoreVote scoreVote, BucketTopK bucketTopK, Rerank rerank, TopK topK) {
}
