package io.pariskv.backend.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.backend.Backend;
import io.pariskv.backend.RetrievalStages;
import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.scalar.ScalarBackend;
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
import io.pariskv.memory.HostAllocator;
import io.pariskv.retrieve.RetrievalBudget;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every retrieval stage against the scalar one, bit for bit, at the width this JVM was started with. */
class VectorRetrievalTest {
  private static final Backend VECTOR = new VectorBackend(3);
  private static final Backend SCALAR = new ScalarBackend();
  private static final float[] SPECIAL = {0f, -0f, 1f, -1f, Float.MIN_VALUE, 1e-30f, 1e15f,
      -1e15f};

  /** How the numbers of keys and queries are drawn. */
  enum Numbers {
    NORMAL, FEW, ZERO, EQUAL, SPECIAL
  }

  /** One geometry: {@code keys} of each sequence of the batch. */
  record Case(int kvHeads, int group, int headDim, DType dtype, Numbers numbers, int... keys) {
    KvShape shape() {
      return new KvShape(2, kvHeads * group, kvHeads, headDim, dtype);
    }

    @Override
    public String toString() {
      return kvHeads + "x" + group + "x" + headDim + " " + dtype + " " + numbers + " "
          + Arrays.toString(keys);
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    for (int headDim : new int[]{16, 32, 64, 128, 256}) {
      cases.add(new Case(3, 1, headDim, DType.F32, Numbers.NORMAL, 0, 1, 1000));
      cases.add(new Case(2, 4, headDim, DType.BF16, Numbers.NORMAL, 2, 31, 32, 33, 2048));
      cases.add(new Case(1, 7, headDim, DType.BF16, Numbers.FEW, 255, 256, 257));
      for (Numbers numbers : Numbers.values()) {
        cases.add(new Case(1, 3, headDim, DType.F32, numbers, 515));
      }
    }
    cases.add(new Case(2, 2, 128, DType.BF16, Numbers.NORMAL, 8195, 4099));
    cases.add(new Case(1, 1, 64, DType.F32, Numbers.FEW, 10_007));
    return cases.stream();
  }

  @AfterAll
  static void close() {
    VECTOR.close();
    SCALAR.close();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void summaries_equalTheOracles(Case c) {
    Random random = new Random(c.hashCode());
    int layer = 1;
    try (KvStore kv = VECTOR.newKvStore(c.shape(), c.keys.length);
        KeyIndex expected = SCALAR.newKeyIndex(c.shape(), c.keys.length);
        KeyIndex actual = VECTOR.newKeyIndex(c.shape(), c.keys.length)) {
      for (int slot = 0; slot < c.keys.length; slot++) {
        fill(kv, layer, c, 5 + c.keys[slot], random);
        encode(SCALAR, kv, layer, slot, c.keys[slot], expected);
        encode(VECTOR, kv, layer, slot, c.keys[slot], actual);
        assertEquals(-1, expected.populations(layer, slot).segment()
            .mismatch(actual.populations(layer, slot).segment()), "populations");
        for (int key = 0; key < c.keys[slot]; key++) {
          for (int kvHead = 0; kvHead < c.kvHeads; kvHead++) {
            assertEquals(expected.read(layer, slot, kvHead, key),
                actual.read(layer, slot, kvHead, key));
          }
        }
      }
    }
  }

  /** In two parts, so that the second starts in the middle of a vector and a slab. */
  private static void encode(Backend backend, KvStore kv, int layer, int slot, int keys,
      KeyIndex index) {
    index.reserve(slot, keys);
    int part = keys / 3;
    backend.retrieval().keyEncoder().encode(kv, layer, slot, 5, 5 + part, index, 0);
    backend.retrieval().keyEncoder().encode(kv, layer, slot, 5 + part, 5 + keys, index, part);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void stages_equalTheOracles(Case c) {
    Random random = new Random(c.hashCode());
    for (RetrievalBudget budget : List.of(new RetrievalBudget(100, null, null),
        new RetrievalBudget(7, 0.03, 1.0), new RetrievalBudget(100_000, 1.0, 0.5))) {
      try (Retrieval retrieval = new Retrieval(c, budget, random)) {
        retrieval.compareStages(random);
      }
    }
  }

  @Test
  void bucketTopK_ofVotesThatCannotBe_takesThemByTheirNumber() {
    Case c = new Case(1, 1, 256, DType.F32, Numbers.NORMAL, 500);
    try (Retrieval r = new Retrieval(c, new RetrievalBudget(3, 0.5, 0.5), new Random(4))) {
      r.votes.segment().fill((byte) 192);
      r.both(stages -> stages.bucketTopK().select(r.index, r.batch, r.votes, r.candidates),
          r.candidates);
    }
  }

  @Test
  void stage_ofOtherShape_namesBoth() {
    Case c = new Case(2, 1, 64, DType.F32, Numbers.NORMAL, 500);
    try (Retrieval r = new Retrieval(c, new RetrievalBudget(3, 0.5, 0.5), new Random(4))) {
      Buffer small = r.memory.allocate(DType.U8, 1, 2, 499);
      IllegalArgumentException e = assertThrows(IllegalArgumentException.class,
          () -> VECTOR.retrieval().collisionVote().vote(r.index, 0, r.batch, r.tiers, small));
      assertEquals("votes must be [1][2][500] u8, not [1][2][499] u8", e.getMessage());
    }
  }

  private static void fill(KvStore kv, int layer, Case c, int tokens, Random random) {
    int slot = kv.open();
    kv.reserve(slot, tokens);
    for (int kvHead = 0; kvHead < c.kvHeads; kvHead++) {
      for (int token = 0; token < tokens; token++) {
        MemorySegment row = HostKvStore.of(kv).keys(layer, slot).row(kvHead, token);
        for (int i = 0; i < c.headDim; i++) {
          float value = draw(c.numbers, random);
          if (c.dtype == DType.F32) {
            row.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
          } else {
            row.setAtIndex(ValueLayout.JAVA_SHORT, i, Bf16.fromFloat(value));
          }
        }
      }
    }
  }

  private static float draw(Numbers numbers, Random random) {
    return switch (numbers) {
      case NORMAL -> (float) random.nextGaussian();
      case FEW -> random.nextInt(3) - 1;
      case ZERO -> 0;
      case EQUAL -> 0.25f;
      case SPECIAL -> SPECIAL[random.nextInt(SPECIAL.length)];
    };
  }

  /** An index with keys, a query, and the buffers between the stages. */
  private static final class Retrieval implements AutoCloseable {
    final Allocator memory = new HostAllocator();
    final KvStore kv;
    final KeyIndex index;
    final Batch batch;
    final Buffer q;
    final Buffer blocks;
    final Buffer tiers;
    final Buffer votes;
    final Buffer candidates;
    final Buffer scores;
    final Selection selection;

    Retrieval(Case c, RetrievalBudget budget, Random random) {
      int rows = c.keys.length;
      kv = VECTOR.newKvStore(c.shape(), rows);
      index = VECTOR.newKeyIndex(c.shape(), rows);
      batch = new Batch(rows, memory.allocate(DType.I32, rows), memory.allocate(DType.I32, rows));
      int most = 0;
      int[] fields = new int[KeyIndex.BUDGET_FIELDS];
      for (int slot = 0; slot < rows; slot++) {
        fill(kv, 0, c, c.keys[slot], random);
        fields = budget.fields(c.keys[slot]);
        if (c.keys[slot] > 0) {
          index.reserve(slot, c.keys[slot]);
          VECTOR.retrieval().keyEncoder().encode(kv, 0, slot, 0, c.keys[slot], index, 0);
        }
        index.setBudget(slot, fields);
        most = Math.max(most, c.keys[slot]);
        // Rows in another order than slots.
        batch.slots().segment().setAtIndex(ValueLayout.JAVA_INT, rows - 1 - slot, slot);
      }
      q = memory.allocate(DType.F32, rows, c.shape().heads(), c.headDim);
      for (int i = 0; i < q.shape().elements(); i++) {
        q.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, draw(c.numbers, random));
      }
      blocks = memory.allocate(DType.F32, rows, c.kvHeads, c.headDim);
      tiers = memory.allocate(DType.U8, rows, c.kvHeads, index.subspaces(), SignCentroids.COUNT);
      votes = memory.allocate(DType.U8, rows, c.kvHeads, most);
      candidates = memory.allocate(DType.I32, rows, c.kvHeads, most);
      scores = memory.allocate(DType.F32, rows, c.kvHeads, most);
      selection = Selection.allocate(memory, rows, c.kvHeads, most);
    }

    /** Runs a stage on both backends from the same inputs, with the same rubbish where it writes. */
    void both(Consumer<RetrievalStages> stage, Buffer... outs) {
      List<byte[]> expected = run(SCALAR, stage, outs);
      List<byte[]> actual = run(VECTOR, stage, outs);
      for (int i = 0; i < outs.length; i++) {
        assertArrayEquals(expected.get(i), actual.get(i), "output " + i);
      }
    }

    private static List<byte[]> run(Backend backend,
        Consumer<RetrievalStages> stage, Buffer... outs) {
      for (Buffer out : outs) {
        out.segment().fill((byte) 0x55);
      }
      stage.accept(backend.retrieval());
      return Stream.of(outs).map(out -> out.segment().toArray(ValueLayout.JAVA_BYTE)).toList();
    }

    void compareStages(Random random) {
      both(stages -> stages.queryBlocks().rotate(index, batch, q, blocks), blocks);
      both(stages -> stages.centroidTiers().rank(index, 0, batch, blocks, tiers), tiers);
      both(stages -> stages.collisionVote().vote(index, 0, batch, tiers, votes), votes);
      both(stages -> stages.bucketTopK().select(index, batch, votes, candidates), candidates);
      both(stages -> stages.rerank().score(index, 0, batch, blocks, candidates, scores), scores);
      both(this::topK, selection.positions(), selection.counts());
      spoilScores(random);
      both(this::topK, selection.positions(), selection.counts());
    }

    private void topK(RetrievalStages stages) {
      stages.topK().select(index, batch, candidates, scores, selection);
    }

    /** Scores with many ties and all that a float can be. */
    private void spoilScores(Random random) {
      float[] odd = {Float.NaN, Float.NEGATIVE_INFINITY, 0f, -0f, 1f, 2f, 3f,
          Float.POSITIVE_INFINITY};
      int kinds = 1 + random.nextInt(odd.length);
      for (int i = 0; i < scores.shape().elements(); i++) {
        scores.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, odd[random.nextInt(kinds)]);
      }
    }

    @Override
    public void close() {
      index.close();
      kv.close();
      memory.close();
    }
  }
}
