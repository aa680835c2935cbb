package io.pariskv.app.bench;

import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.retrieve.RetrievalBudget;

/**
 * Bytes that decode attention of one layer must move, stage by stage, computed from the zones and the
 * budget: every array that a stage takes or leaves counted once.
 */
final class AttentionTraffic {
  private static final int FLOAT = 4;
  private static final int INT = 4;

  private final KvShape shape;
  private final long rows;
  private final int residentRows;
  private final TokenZones zones;
  private final int candidates;
  private final int selected;

  /**
   * @param batch sequences of {@code context} tokens each, and the new one
   * @param residentRows most tokens of a sequence that need no way over the bus
   */
  AttentionTraffic(KvShape shape, AttentionMethod method, int context, int batch,
      int residentRows) {
    this.shape = shape;
    this.rows = batch;
    this.residentRows = residentRows;
    TokenZones filled = TokenZones.dense(context);
    if (method instanceof ParisKv pariskv) {
      filled = pariskv.config().slide(filled, true);
      RetrievalBudget budget = pariskv.config().budget();
      int[] fields = budget.fields(filled.retrievalTokens());
      candidates = fields[1];
      selected = fields[2];
    } else {
      candidates = 0;
      selected = 0;
    }
    zones = filled.appended(1);
  }

  /** All of it. */
  MovedBytes whole(Iterable<String> parts) {
    MovedBytes attend = attend();
    long retrieval = 0;
    for (String part : parts) {
      retrieval += part(part).memory();
    }
    return new MovedBytes(attend.memory() + retrieval, attend.bus());
  }

  /** A part of retrieval; one that does several at once has their names in its own. */
  MovedBytes part(String name) {
    long bytes = 0;
    for (String stage : name.split("[^a-z-]+")) {
      bytes += stage(stage);
    }
    return new MovedBytes(bytes * shape.kvHeads(), 0).times(rows);
  }

  /** Of one KV head; 0 for a name that is not known. */
  private long stage(String name) {
    long keys = zones.retrievalTokens();
    long subspaces = SignCentroids.subspaces(shape.headDim());
    long blocks = (long) FLOAT * shape.headDim();
    long tiers = subspaces * SignCentroids.COUNT;
    return switch (name) {
      case "rotate" -> blocks * shape.groupSize() + blocks;
      case "tiers" -> blocks + tiers * INT + tiers; // the query, populations, tiers
      case "vote" -> tiers + keys * subspaces + keys; // tiers, ids, votes
      case "select" -> keys + (long) INT * candidates; // votes, candidates
      case "rerank" -> blocks + (INT + KeyIndex.summaryBytes(shape.headDim()) - subspaces + FLOAT)
          * candidates; // candidates, codes and weights, scores
      case "top-k" -> (long) (INT + FLOAT) * candidates + (long) INT * selected;
      default -> 0;
    };
  }

  /** Attention over what is selected, or over everything. */
  MovedBytes attend() {
    long attended = (long) zones.residentTokens() + selected;
    long fetched = residentRows == Integer.MAX_VALUE
        ? 0
        : Math.max(0, attended - Math.min(zones.residentTokens(), residentRows));
    long queries = 2L * FLOAT * shape.heads() * shape.headDim(); // and what comes out
    long positions = (long) INT * selected * shape.kvHeads();
    return new MovedBytes((attended - fetched) * shape.tokenBytes() + queries + positions,
        fetched * shape.tokenBytes()).times(rows);
  }
}
