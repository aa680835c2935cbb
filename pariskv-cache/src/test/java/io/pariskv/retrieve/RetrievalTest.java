package io.pariskv.retrieve;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.PerHeadRetrieval;
import io.pariskv.backend.StagedRetrieval;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Selection;
import io.pariskv.memory.DType;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.BiFunction;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** All retrieval stages in a row, and what a backend does instead of them. */
@Seeded
@Tag("stages")
class RetrievalTest {

  /** Selected zone positions of every row and KV head. */
  private static int[][] retrieve(Backend backend, Size size, Coarse coarse, Grouping grouping) {
    return retrieve(backend, size, coarse,
        (index, room) -> backend.newRetrieval(index, room, grouping));
  }

  private static int[][] retrieve(Backend backend, Size size, Coarse coarse,
      BiFunction<KeyIndex, RetrievalSize, Retrieval> open) {
    int longest = Collections.max(size.zones());
    int candidates = size.zones().stream().mapToInt(size.budget()::candidates).max().orElseThrow();
    try (Fixture fixture = new Fixture(backend, size, coarse).encode(size.budget());
        Retrieval retrieval = open.apply(fixture.index(),
            new RetrievalSize(size.rows(), longest, candidates, size.budget().k()))) {
      Selection selection = retrieval.retrieve(Fixture.LAYER, fixture.batch(),
          fixture.buffers().of(fixture.queries(), size.rows(), size.heads(), size.headDim()));
      int[] positions = fixture.buffers().ints(selection.positions());
      int[] counts = fixture.buffers().ints(selection.counts());
      return IntStream.range(0, counts.length)
          .mapToObj(i -> Arrays.copyOfRange(positions, i * selection.capacity(),
              i * selection.capacity() + counts[i]))
          .toArray(int[][]::new);
    }
  }

  static Stream<Arguments> sizes() {
    Stream<Size> some = Size.all().skip(7).limit(14);
    return TestBackends.comparedWithCoarse(
        TestBackends.takesLongSizes() ? Stream.concat(some, Size.longest()) : some);
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void selection_isAscendingInTheZone_andEqualsThatOfScalar(Backend backend, Size size,
      Coarse coarse) {
    int[][] selected = retrieve(backend, size, coarse, Grouping.MEAN);
    for (int i = 0; i < selected.length; i++) {
      int keys = size.zones().get(i / size.kvHeads());
      assertEquals(size.budget().fields(keys)[2], selected[i].length);
      int last = -1;
      for (int position : selected[i]) {
        assertTrue(position > last && position < keys, size::toString);
        last = position;
      }
    }
    int[][] staged = retrieve(backend, size, coarse,
        (index, room) -> new StagedRetrieval(backend, index, room));
    assertArrayEquals(staged, selected, size::toString);
    int[][] together = retrieve(backend, size, coarse, Grouping.PER_HEAD);
    assertArrayEquals(retrieve(backend, size, coarse,
        (index, room) -> new PerHeadRetrieval(backend, index, room)), together, size::toString);
    try (ScalarBackend scalar = new ScalarBackend()) {
      assertArrayEquals(retrieve(scalar, size, coarse, Grouping.MEAN), selected, size::toString);
      assertArrayEquals(retrieve(scalar, size, coarse, Grouping.PER_HEAD), together,
          size::toString);
    }
  }

  /** Each head of a group looks for a key of its own, which the mean of all queries need not find. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void keyThatOneHeadLooksFor_isSelected_whenHeadsChooseTogether(Backend backend) {
    Size size = new Size(List.of(2_000), 2, 7, 64, DType.F32, RandomKv.NORMAL);
    RetrievalBudget budget = new RetrievalBudget(16, 0.1, null);
    for (Coarse coarse : Coarse.values()) {
      try (Fixture fixture = new Fixture(backend, size, coarse).encode(budget);
          Retrieval retrieval = backend.newRetrieval(fixture.index(),
              new RetrievalSize(1, 2_000, budget.candidates(2_000), 16), Grouping.PER_HEAD)) {
        float[] q = new float[size.heads() * size.headDim()];
        for (int head = 0; head < size.heads(); head++) {
          float[] key = fixture.key(0, head / 7, Fixture.SINK + 100 + 250 * (head % 7));
          for (int j = 0; j < key.length; j++) {
            q[head * key.length + j] = 3 * key[j];
          }
        }
        Selection selection = retrieval.retrieve(Fixture.LAYER, fixture.batch(),
            fixture.buffers().of(q, 1, size.heads(), size.headDim()));
        int[] positions = fixture.buffers().ints(selection.positions());
        for (int head = 0; head < size.heads(); head++) {
          int key = 100 + 250 * (head % 7);
          assertTrue(IntStream.range(head / 7 * 16, head / 7 * 16 + 16)
              .anyMatch(i -> positions[i] == key), coarse + ", head " + head);
        }
      }
    }
  }

  /**
   * Thresholds are six standard deviations below the mean over 400 sets of keys: 0.997 and 0.003 for independent keys,
   * 0.900 and 0.018 for keys around one mean, whose first two stages see mostly the mean.
   */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void bestKeys_areAmongTheSelected(Backend backend) {
    RetrievalBudget budget = new RetrievalBudget(100, 0.5, 0.5); // the published ratios, this long

    assertRecall(0.97, backend, RandomKv.NORMAL, Coarse.TIERS, budget);
    assertRecall(0.78, backend, RandomKv.COMMON_MEAN, Coarse.TIERS, budget);
  }

  /**
   * With scores, half of the candidates are enough, and a common mean is no trouble. Means over 400 sets of keys: 0.993,
   * 0.992, 0.963 and 0.936, standard deviations: 0.005, 0.005, 0.016 and 0.015. With outliers one set in 400 was as low as
   * 0.884, so there the mean of four sets counts, whose deviation is half of that.
   */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void bestKeys_areAmongTheSelected_withFewerCandidatesOfScores(Backend backend) {
    RetrievalBudget budget = new RetrievalBudget(100, 0.25, null);

    assertRecall(0.96, backend, RandomKv.NORMAL, Coarse.SCORES, budget);
    assertRecall(0.96, backend, RandomKv.COMMON_MEAN, Coarse.SCORES, budget);
    assertRecall(0.90, 4, backend, RandomKv.OUTLIER_CHANNELS, Coarse.SCORES, budget);
    assertRecall(0.82, backend, RandomKv.SPREAD_NORMS, Coarse.SCORES, budget);
  }

  private static void assertRecall(double least, Backend backend, RandomKv keys, Coarse coarse,
      RetrievalBudget budget) {
    assertRecall(least, 1, backend, keys, coarse, budget);
  }

  /** @param sets of keys, of which the mean counts */
  private static void assertRecall(double least, int sets, Backend backend, RandomKv keys,
      Coarse coarse, RetrievalBudget budget) {
    double recall = IntStream.range(0, sets)
        .mapToObj(set -> new Size(List.of(3_000 + set), 16, 1, 128, DType.BF16, keys))
        .mapToDouble(size -> recall(backend, size, coarse, budget)).average().orElseThrow();
    assertTrue(recall >= least, () -> keys + ", " + coarse + ": " + recall);
  }

  /** The share of the 20 keys with the largest inner products that is selected. */
  private static double recall(Backend backend, Size size, Coarse coarse, RetrievalBudget budget) {
    int keys = size.zones().getFirst();
    int found = 0;
    try (Fixture fixture = new Fixture(backend, size, coarse).encode(budget);
        Retrieval retrieval = backend.newRetrieval(fixture.index(),
            new RetrievalSize(1, keys, budget.candidates(keys), budget.k()))) {
      float[] q = fixture.queries();
      Selection selection = retrieval.retrieve(Fixture.LAYER, fixture.batch(),
          fixture.buffers().of(q, 1, size.heads(), size.headDim()));
      int[] positions = fixture.buffers().ints(selection.positions());
      for (int head = 0; head < size.kvHeads(); head++) {
        Set<Integer> selected = new HashSet<>();
        for (int i = 0; i < budget.k(); i++) {
          selected.add(positions[head * budget.k() + i]);
        }
        double[] scores = new double[keys];
        for (int key = 0; key < keys; key++) {
          float[] x = fixture.key(0, head, Fixture.SINK + key);
          for (int j = 0; j < x.length; j++) {
            scores[key] += (double) x[j] * q[head * x.length + j];
          }
        }
        found += IntStream.range(0, keys).boxed()
            .sorted((a, b) -> Double.compare(scores[b], scores[a])).limit(20)
            .mapToInt(key -> selected.contains(key) ? 1 : 0).sum();
      }
    }
    return found / (20.0 * size.kvHeads());
  }
}
