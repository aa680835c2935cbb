package io.pariskv.app.bench;

import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.List;
import java.util.Set;

/**
 * Bytes that decode attention of one layer must move, stage by stage, computed from the zones and the
 * budget: every array that a stage takes or leaves counted once.
 */
final class AttentionTraffic {
  /** How often what all layers read must fill the cache. */
  private static final int COLD = 4;
  private static final int FLOAT = 4;
  private static final int INT = 4;

  private final KvShape shape;
  private final long rows;
  private final int residentRows;
  private final TokenZones zones;
  private final Coarse coarse;
  /** Of a KV head: each looks for itself. */
  private final int queries;
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
      filled = pariskv.config().zones().slide(filled, true);
      RetrievalBudget budget = pariskv.config().budget();
      int[] fields = budget.fields(filled.retrievalTokens());
      coarse = pariskv.config().coarse();
      queries = pariskv.config().grouping() == Grouping.PER_HEAD ? shape.groupSize() : 1;
      candidates = fields[1];
      selected = fields[2];
    } else {
      coarse = Coarse.TIERS;
      queries = 1;
      candidates = 0;
      selected = 0;
    }
    zones = filled.appended(1);
  }

  /**
   * How many layers must take turns so that what they read fills a cache several times between two visits of
   * the same layer. Most of the scratch memory, which all layers share in a model too, is left out.
   */
  int coldLayers(long cacheBytes) {
    return Math.toIntExact(
        Math.max(2, COLD * cacheBytes / whole(List.of("vote", "rerank"), attend()).memory() + 1));
  }

  /** All of it. */
  MovedBytes whole(Iterable<String> parts, MovedBytes attend) {
    long retrieval = 0;
    for (String part : parts) {
      retrieval += part(part).memory();
    }
    return new MovedBytes(attend.memory() + retrieval, attend.bus());
  }

  /**
   * A part of retrieval. One that does several stages at once has their names in its own, joined by plus
   * signs, and what they pass to each other is not counted.
   */
  MovedBytes part(String name) {
    Set<String> stages = Set.of(name.split("\\+"));
    long bytes = 0;
    for (String stage : stages) {
      bytes += stage(stage, stages);
    }
    return new MovedBytes(bytes * shape.kvHeads(), 0).times(rows);
  }

  /** Of one KV head, in a part with these stages; 0 for a name that is not known. */
  private long stage(String name, Set<String> together) {
    long keys = zones.retrievalTokens();
    long subspaces = SignCentroids.subspaces(shape.headDim());
    long norms = coarse == Coarse.SCORES ? Short.BYTES * keys : 0;
    long blocks = (long) FLOAT * shape.headDim() * queries;
    long counts = coarse == Coarse.TIERS ? INT * subspaces * SignCentroids.COUNT : 0;
    long table = subspaces * SignCentroids.COUNT * queries;
    long votes = keys * queries;
    long positions = (long) INT * candidates;
    long scores = (long) FLOAT * candidates;
    return switch (name) {
      case "rotate" -> (long) FLOAT * shape.headDim() * shape.groupSize() + blocks;
      case "tiers", "table" -> unless(together, "rotate", blocks) + counts
          + unless(together, "vote", table);
      case "vote" -> unless(together, "table", table) + keys * subspaces + norms + votes;
      case "combine votes" -> votes + keys;
      case "select" -> keys + unless(together, "rerank", positions);
      case "rerank" -> blocks + (long) KeyIndex.recordBytes(shape.headDim()) * candidates
          + unless(together, "select", positions) + unless(together, "top-k", scores * queries);
      case "combine scores" -> unless(together, "rerank", scores * queries)
          + unless(together, "top-k", scores);
      case "top-k" -> unless(together, "rerank", positions + scores) + (long) INT * selected;
      case "weigh" -> 2 * scores;
      case "adaptive top-k" -> positions + 2 * scores + (long) Short.BYTES * candidates
          + (long) INT * selected; // norms of the candidates' values; selected at most
      default -> 0;
    };
  }

  /** Bytes that are not moved where the part has the stage that makes or takes them. */
  private static long unless(Set<String> together, String stage, long bytes) {
    return together.contains(stage) ? 0 : bytes;
  }

  /**
   * Attention over what is selected, with a cache of rows: misses go to the cache too, hits come from there.
   *
   * @param cachedRows places of a KV head, all of which are looked at
   * @param misses rows of K and V of a KV head that come over the bus
   */
  MovedBytes attend(int cachedRows, double misses) {
    MovedBytes alone = attend();
    long lookedAt = rows * shape.kvHeads() * INT * (cachedRows + 2L * selected);
    return new MovedBytes(alone.memory() + alone.bus() + lookedAt,
        Math.round(misses * shape.tokenBytes() / shape.kvHeads()));
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
