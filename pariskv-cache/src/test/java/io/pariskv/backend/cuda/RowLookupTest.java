package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.kv.Batch;
import io.pariskv.kv.ClockCache;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.function.IntPredicate;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Places of selected rows on a real GPU, step after step: those of {@link ClockCache}, number by number. */
@Seeded
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class RowLookupTest {
  private static final int LAYER = 1;
  private static final int HEADS = 3;
  private static final KvShape SHAPE = new KvShape(2, HEADS, HEADS, 16, DType.BF16,
      List.of(500, 0));
  private static final int STEPS = 40;

  // Of pariskv.cuh: what a sequence has in device memory anyway.
  private static final int SINK_ROWS = 128;
  private static final int RING_ROWS = 2048;

  /** A sequence and what must be in its cache. */
  private static final class Sequence {
    final int slot;
    final int sink;
    final ClockCache[] expected = new ClockCache[HEADS];
    final int[][] last = new int[HEADS][0];
    TokenZones zones;
    /** Behind what may be cached. */
    int end;
    long hits;
    long misses;

    Sequence(int slot, int sink, int length, int rows) {
      this.slot = slot;
      this.sink = sink;
      zones = new TokenZones(sink, length - 100, length);
      end = zones.recentStart();
      Arrays.setAll(expected, i -> new ClockCache(rows));
    }

    boolean isFar(int zonePosition) {
      int position = sink + zonePosition;
      return position >= SINK_ROWS && position < zones.length() - RING_ROWS;
    }
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "1, 3", "31, 31", "31, 64", "33, 70", "100, 100", "100, 200", "700, 1029",
      "2048, 4096", "2048, 16384"})
  void placesAndOrder_areThoseOfThePolicy_alsoWhenSequencesGrowAndAreCut(int k, int rows) {
    RandomGenerator random = Seeds.random(k, rows);
    try (CudaBackend backend = new CudaBackend(KvPlacement.HOST);
        CudaKvStore store = new CudaKvStore(backend.kernels(), SHAPE, 3, true, rows);
        Buffers buffers = new Buffers(backend)) {
      CudaRowLookup lookup = new CudaRowLookup(backend.kernels());
      List<Sequence> sequences = new ArrayList<>();
      for (int sink : new int[]{4, SINK_ROWS, 300}) {
        int slot = store.open();
        sequences.add(new Sequence(slot, sink, 3000 + 2 * k + sink, rows));
        store.reserve(slot, 16_000);
        store.setZones(slot, sequences.getLast().zones);
      }
      for (int step = 0; step < STEPS; step++) {
        List<Sequence> batch = step % 3 == 1 ? sequences.subList(0, 1) : sequences.reversed();
        check(store, lookup, buffers, batch, k, random);
        for (Sequence sequence : sequences) {
          change(store, sequence, random);
        }
      }
      for (Sequence sequence : sequences) {
        assertEquals(new RowFetches(sequence.hits, sequence.misses),
            store.fetches(sequence.slot));
      }
    }
  }

  /** Mostly grows, sometimes stays, now and then is cut: where positions are cached, or behind them. */
  private static void change(CudaKvStore store, Sequence sequence, RandomGenerator random) {
    TokenZones zones = sequence.zones;
    int choice = random.nextInt(12);
    if (choice < 2 && zones.recentStart() > 2_700) {
      int length = choice == 0
          ? 2_600 + random.nextInt(zones.recentStart() - 2_600)
          : zones.recentStart();
      store.setZones(sequence.slot, TokenZones.dense(length));
      if (length < sequence.end) {
        Arrays.stream(sequence.expected).forEach(ClockCache::forget);
        sequence.end = 0;
      }
      sequence.zones = new TokenZones(sequence.sink, length - 100, length);
    } else if (choice < 8 && zones.length() < 15_000) {
      int length = zones.length() + 1 + random.nextInt(200);
      sequence.zones = new TokenZones(sequence.sink, length - 100, length);
    }
    store.setZones(sequence.slot, sequence.zones);
    sequence.end = Math.max(sequence.end, sequence.zones.recentStart());
  }

  private static void check(CudaKvStore store, CudaRowLookup lookup, Buffers buffers,
      List<Sequence> batch, int k, RandomGenerator random) {
    int rows = batch.size();
    int[] positions = new int[rows * HEADS * k];
    int[] counts = new int[rows * HEADS];
    Arrays.fill(positions, -7);
    for (int i = 0; i < counts.length; i++) {
      int[] chosen = choose(batch.get(i / HEADS), i % HEADS, k, random);
      System.arraycopy(chosen, 0, positions, i * k, chosen.length);
      counts[i] = chosen.length;
    }
    Selection selection = new Selection(buffers.of(positions, rows, HEADS, k),
        buffers.of(counts, rows, HEADS));
    int[] slots = batch.stream().mapToInt(each -> each.slot).toArray();
    RowSources found = lookup.lookUp(store, Objects.requireNonNull(store.rowCache()), LAYER,
        new Batch(rows, buffers.of(slots, rows), buffers.of(new int[rows], rows)), selection);
    int[] sources = buffers.ints(found.sources());
    int[] misses = buffers.ints(found.misses());
    for (int i = 0; i < counts.length; i++) {
      int from = 2 * i * k;
      expect(batch.get(i / HEADS), i % HEADS, Arrays.copyOfRange(sources, from,
          from + 2 * counts[i]), misses[i]);
    }
  }

  /** Part of the last step's, and others; at times none, or as many as there are. */
  private static int[] choose(Sequence sequence, int head, int k, RandomGenerator random) {
    int keys = sequence.zones.retrievalTokens();
    int count = switch (random.nextInt(8)) {
      case 0 -> 0;
      case 1 -> random.nextInt(k + 1);
      default -> k;
    };
    TreeSet<Integer> chosen = new TreeSet<>();
    Arrays.stream(sequence.last[head]).filter(p -> p < keys && random.nextInt(5) < 3)
        .limit(count).forEach(chosen::add);
    while (chosen.size() < Math.min(count, keys)) {
      chosen.add(random.nextInt(keys));
    }
    sequence.last[head] = chosen.stream().mapToInt(Integer::intValue).toArray();
    return sequence.last[head];
  }

  private static void expect(Sequence sequence, int head, int[] sources, int misses) {
    int[] selected = sequence.last[head];
    IntPredicate far = sequence::isFar;
    ClockCache.Step step = sequence.expected[head]
        .select(Arrays.stream(selected).filter(far).map(p -> p + sequence.sink).toArray());
    IntStream cached = IntStream.range(0, step.positions().length).flatMap(
        i -> IntStream.of(step.positions()[i] - sequence.sink, step.places()[i]));
    IntStream here = Arrays.stream(selected).filter(far.negate())
        .flatMap(p -> IntStream.of(p, -1));
    assertArrayEquals(IntStream.concat(cached, here).toArray(), sources);
    assertEquals(step.misses(), misses);
    sequence.misses += misses;
    sequence.hits += step.positions().length - misses;
  }
}
