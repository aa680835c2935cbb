package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SignCentroids;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.SplittableRandom;

/**
 * Some layers of one sequence with random keys, 8 KV heads of 128 numbers in bf16, 32 query heads, the
 * budget of some settings, and the buffers between the stages. Each call of a stage works on the next layer, as in a
 * model, so that caches do not hold what it reads. All backends get equal keys and queries.
 */
final class RetrievalCase implements AutoCloseable {
  private static final int LAYERS = 4;
  private static final KvShape SHAPE = new KvShape(LAYERS, 32, 8, 128, DType.BF16);

  /** Keys that are drawn and encoded at a time. */
  private static final int CHUNK = 4096;

  final KeyIndex index;
  final Batch batch;
  final Buffer q;
  final Buffer blocks;
  final Buffer table;
  final Buffer votes;
  final Buffer candidates;
  final Buffer scores;
  final Selection selection;

  private final RetrievalStages stages;
  private final Allocator memory;
  private final KvStore kv;
  private final int keys;
  private int layer;

  RetrievalCase(Backend backend, int keys, ParisKvConfig config) {
    this.keys = keys;
    stages = backend.retrieval();
    memory = backend.newAllocator();
    kv = backend.newKvStore(SHAPE, 1);
    index = backend.newKeyIndex(SHAPE, 1, config.coarse());
    RetrievalBudget budget = config.budget();
    int kvHeads = SHAPE.kvHeads();
    batch = new Batch(1, memory.allocate(DType.I32, 1), memory.allocate(DType.I32, 1));
    q = memory.allocate(DType.F32, 1, SHAPE.heads(), SHAPE.headDim());
    blocks = memory.allocate(DType.F32, 1, kvHeads, SHAPE.headDim());
    table = memory.allocate(DType.U8, 1, kvHeads, index.subspaces(), SignCentroids.COUNT);
    votes = memory.allocate(DType.U8, 1, kvHeads, keys);
    candidates = memory.allocate(DType.I32, 1, kvHeads, budget.candidates(keys));
    scores = memory.allocate(DType.F32, 1, kvHeads, budget.candidates(keys));
    selection = Selection.allocate(memory, 1, kvHeads, budget.k());
    index.reserve(0, keys);
    index.setBudget(0, budget.fields(keys));
    kv.reserve(kv.open(), CHUNK);
    SplittableRandom random = new SplittableRandom(1);
    for (int from = 0; from < keys; from += CHUNK) {
      for (int i = 0; i < LAYERS; i++) {
        drawKeys(i, random);
        if (from == 0 && config.coarse() == Coarse.SCORES) {
          stages.keyCentre().find(kv, i, 0, 0, Math.min(CHUNK, keys), index);
        }
        stages.keyEncoder().encode(kv, i, 0, 0, Math.min(CHUNK, keys - from), index, from);
      }
    }
    for (int i = 0; i < q.shape().elements(); i++) {
      q.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    retrieve();
  }

  private void drawKeys(int toLayer, SplittableRandom random) {
    for (int kvHead = 0; kvHead < SHAPE.kvHeads(); kvHead++) {
      for (int token = 0; token < CHUNK; token++) {
        MemorySegment row = HostKvStore.of(kv).keys(toLayer, 0).row(kvHead, token);
        for (int i = 0; i < SHAPE.headDim(); i++) {
          float value = (float) random.nextDouble(-1, 1);
          row.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.fromFloat(value));
        }
      }
    }
  }

  private int nextLayer() {
    layer = (layer + 1) % LAYERS;
    return layer;
  }

  /** Encodes as many keys again, always the last chunk's. */
  void encode() {
    int into = nextLayer();
    for (int from = 0; from < keys; from += CHUNK) {
      stages.keyEncoder().encode(kv, into, 0, 0, Math.min(CHUNK, keys - from), index, from);
    }
  }

  void rotate() {
    stages.queryBlocks().rotate(index, batch, q, blocks);
  }

  /** Ranks centroids, or quantises their scores. */
  void makeTable() {
    makeTable(layer);
  }

  private void makeTable(int of) {
    switch (index.coarse()) {
      case TIERS -> stages.centroidTiers().rank(index, of, batch, blocks, table);
      case SCORES -> stages.centroidScores().quantise(index, batch, blocks, table);
    }
  }

  /** Votes by tiers or by scores. */
  void vote() {
    vote(nextLayer());
  }

  private void vote(int of) {
    switch (index.coarse()) {
      case TIERS -> stages.collisionVote().vote(index, of, batch, table, votes);
      case SCORES -> stages.scoreVote().vote(index, of, batch, table, votes);
    }
  }

  void takeCandidates() {
    stages.bucketTopK().select(index, batch, votes, candidates);
  }

  void rerank() {
    stages.rerank().score(index, nextLayer(), batch, blocks, candidates, scores);
  }

  void select() {
    stages.topK().select(index, batch, candidates, scores, selection);
  }

  /** All stages of the next layer, in order. */
  void retrieve() {
    int of = nextLayer();
    stages.queryBlocks().rotate(index, batch, q, blocks);
    makeTable(of);
    vote(of);
    stages.bucketTopK().select(index, batch, votes, candidates);
    stages.rerank().score(index, of, batch, blocks, candidates, scores);
    stages.topK().select(index, batch, candidates, scores, selection);
  }

  /** Fails unless every stage gave what it gave in {@code other}. */
  void requireEquals(RetrievalCase other) {
    switch (index.coarse()) {
      case TIERS -> requireEqual("populations", index.populations(layer, 0),
          other.index.populations(layer, 0));
      case SCORES -> requireEqual("centres", index.centres(layer, 0),
          other.index.centres(layer, 0));
    }
    requireEqual("blocks", blocks, other.blocks);
    requireEqual("table", table, other.table);
    requireEqual("votes", votes, other.votes);
    requireEqual("candidates", candidates, other.candidates);
    requireEqual("scores", scores, other.scores);
    requireEqual("positions", selection.positions(), other.selection.positions());
  }

  private static void requireEqual(String name, Buffer actual, Buffer expected) {
    if (actual.segment().mismatch(expected.segment()) >= 0) {
      throw new IllegalStateException("wrong " + name + ": the backends differ");
    }
  }

  @Override
  public void close() {
    index.close();
    kv.close();
    memory.close();
  }
}
