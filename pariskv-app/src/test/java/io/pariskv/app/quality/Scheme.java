package io.pariskv.app.quality;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.retrieve.RetrievalSize;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.IntUnaryOperator;

/**
 * Settings to compare.
 *
 * @param name what is special about them
 * @param config zones and budget
 * @param centre of how many first keys of a zone of that length the centre is
 */
record Scheme(String name, ParisKvConfig config, IntUnaryOperator centre) {
  static final int SINK = ParisKvConfig.paper().zones().sink();
  static final int LOCAL = ParisKvConfig.paper().zones().local();
  static final int K = ParisKvConfig.paper().budget().k();

  private static final ParisKvConfig SHARP = ParisKvConfig.sharp();

  /** All that are compared. */
  static final List<Scheme> ALL = List.of(
      new Scheme("paper", ParisKvConfig.paper(), zone -> 0),
      new Scheme("paper, sharp's candidates", ParisKvConfig.paper().withBudget(
          new RetrievalBudget(K, null, null, RetrievalBudget.Candidates.GEOMETRIC_MEAN)),
          zone -> 0),
      new Scheme("sharp", SHARP, KeyCentre::keysOfCentre),
      new Scheme("sharp, centre of the first 1,024", SHARP, zone -> 1_024),
      new Scheme("sharp, centre of all", SHARP, zone -> zone),
      new Scheme("sharp, paper's candidates",
          SHARP.withBudget(ParisKvConfig.paper().budget()), KeyCentre::keysOfCentre),
      new Scheme("paper, per head", ParisKvConfig.paper().withGrouping(Grouping.PER_HEAD),
          zone -> 0),
      new Scheme("sharp, per head", SHARP.withGrouping(Grouping.PER_HEAD),
          KeyCentre::keysOfCentre));

  /**
   * Means over queries and heads.
   *
   * @param candidates of every query and KV head
   * @param recall share of the best keys by the mean query of the group
   * @param captured share of the weight in the zone that as many keys could have at most
   * @param mass share of all weight that is attended, sink and local window included
   */
  record Found(int candidates, double recall, double captured, double mass) {
  }

  /** Retrieves for every query. */
  Found run(Backend backend, KeysAndQueries set, ExactAttention exact) {
    KvShape shape = set.shape();
    int zone = set.prompt() - SINK - LOCAL;
    RetrievalBudget budget = config.budget();
    RetrievalSize size = new RetrievalSize(1, zone, budget.candidates(zone), budget.k());
    double recall = 0;
    double captured = 0;
    double mass = 0;
    try (KeyIndex index = backend.newKeyIndex(shape, 1, config.coarse());
        Retrieval retrieval = backend.newRetrieval(index, size, config.grouping());
        Allocator memory = backend.newAllocator()) {
      encode(backend, set, index, zone);
      Batch batch = new Batch(1, memory.allocate(DType.I32, 1), memory.allocate(DType.I32, 1));
      Buffer q = memory.allocate(DType.F32, 1, shape.heads(), shape.headDim());
      for (int step = 0; step < set.queries().size(); step++) {
        KeysAndQueries.Query query = set.queries().get(step);
        backend.upload(MemorySegment.ofArray(query.q()), q);
        Selection selection = retrieval.retrieve(query.layer(), batch, q);
        for (int head = 0; head < shape.heads(); head++) {
          int kvHead = head * shape.kvHeads() / shape.heads();
          Set<Integer> selected = selected(selection, kvHead);
          recall += exact.recall(step, kvHead, selected);
          captured += exact.captured(step, head, selected);
          mass += exact.mass(step, head, selected);
        }
      }
    }
    double cells = (double) set.queries().size() * shape.heads();
    return new Found(budget.candidates(zone), recall / cells, captured / cells, mass / cells);
  }

  private void encode(Backend backend, KeysAndQueries set, KeyIndex index, int zone) {
    index.reserve(0, zone);
    index.setBudget(0, config.budget().fields(zone));
    for (int layer = 0; layer < set.shape().layers(); layer++) {
      if (config.coarse() == Coarse.SCORES) {
        backend.retrieval().keyCentre().find(set.kv(), layer, 0, SINK, centre.applyAsInt(zone),
            index);
      }
      backend.retrieval().keyEncoder().encode(set.kv(), layer, 0, SINK, SINK + zone, index, 0);
    }
  }

  private static Set<Integer> selected(Selection selection, int kvHead) {
    Set<Integer> selected = new HashSet<>();
    for (int i = 0; i < K; i++) {
      selected.add(selection.positions().segment().getAtIndex(ValueLayout.JAVA_INT,
          (long) kvHead * selection.capacity() + i));
    }
    return selected;
  }
}
