package io.pariskv.cache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Random operations on a pool against a model that lists the tokens of every zone.
 *
 * <p>The value of position {@code p} is 1 at coordinate {@code p} and 0 elsewhere, and every query is 0,
 * so that all weights are equal: the output says which positions were attended. All scores are equal as
 * well, so the {@code k} keys retrieved are the first of the zone.
 */
@Seeded
@Tag("stages")
class CacheModelTest {
  private static final int SLOTS = 3;
  private static final int WINDOW = 7;
  private static final int LONGEST = 256;

  /** The first layer retrieves, the second has a sliding window. */
  private static final KvShape SHAPE = new KvShape(2, 2, 1, LONGEST, DType.F32,
      List.of(0, WINDOW));

  /** One sequence, token by token. */
  private static final class Model {
    final KvCache cache;
    final ParisKvConfig config;
    final List<Integer> sink = new ArrayList<>();
    final List<Integer> zone = new ArrayList<>();
    final List<Integer> recent = new ArrayList<>();

    Model(KvCache cache, ParisKvConfig config) {
      this.cache = cache;
      this.config = config;
    }

    int length() {
      return sink.size() + zone.size() + recent.size();
    }

    /** The positions that a decode step attends, its own included. */
    SortedSet<Integer> attended() {
      SortedSet<Integer> attended = new TreeSet<>(sink);
      attended.addAll(zone.subList(0, Math.min(config.budget().k(), zone.size())));
      attended.addAll(recent);
      attended.add(length());
      return attended;
    }

    void append(int tokens, boolean prompt) {
      for (int i = 0; i < tokens; i++) {
        recent.add(length());
      }
      boolean update = recent.size() >= config.zones().local() + config.zones().updateInterval();
      if (length() < config.zones().denseBelow() || !(prompt || update || zone.isEmpty())) {
        return;
      }
      if (zone.isEmpty() && length() > config.zones().sink() + config.zones().local()) {
        while (sink.size() < config.zones().sink()) {
          sink.add(recent.removeFirst());
        }
      }
      while (recent.size() > config.zones().local()
          && length() > config.zones().sink() + config.zones().local()) {
        zone.add(recent.removeFirst());
      }
    }

    TokenZones zones() {
      return new TokenZones(sink.size(), sink.size() + zone.size(), length());
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void anyOperations_attendWhatTheModelLists(Backend backend) {
    int rounds = TestBackends.checked() ? 4 : 12; // four have each coarse retrieval with each grouping
    for (int round = 0; round < rounds; round++) {
      RandomGenerator random = Seeds.random("operations", round);
      ParisKvConfig config = new ParisKvConfig(
          new ZoneSettings(random.nextInt(5), 1 + random.nextInt(6), 1 + random.nextInt(8),
              random.nextInt(40)),
          new RetrievalBudget(1 + random.nextInt(6), 1.0, 0.5),
          round % 2 == 0 ? Coarse.TIERS : Coarse.SCORES,
          round % 3 == 0 ? Grouping.PER_HEAD : Grouping.MEAN);
      try (CachePool pool = new CachePool(backend, SHAPE, new ParisKv(config), SLOTS)) {
        List<Model> models = new ArrayList<>();
        for (int operation = 0; operation < 60; operation++) {
          operate(pool, config, models, random);
          for (Model model : models) {
            assertEquals(model.zones(), model.cache.zones(), () -> config.toString());
          }
        }
      }
    }
  }

  private static void operate(CachePool pool, ParisKvConfig config, List<Model> models,
      RandomGenerator random) {
    models.removeIf(model -> {
      boolean done = model.length() > LONGEST - 25 || random.nextInt(40) == 0;
      if (done) {
        model.cache.close();
      }
      return done;
    });
    if (models.isEmpty() || models.size() < SLOTS && random.nextInt(4) == 0) {
      models.add(new Model(pool.open(), config));
    }
    Model one = models.get(random.nextInt(models.size()));
    switch (random.nextInt(5)) {
      case 0 -> prefill(one, 1 + random.nextInt(20), random, true);
      case 1 -> prefill(one, 1 + random.nextInt(20), random, false);
      default -> {
        List<Model> chosen = new ArrayList<>(models);
        while (chosen.size() > 1 && random.nextBoolean()) {
          chosen.remove(random.nextInt(chosen.size()));
        }
        step(pool, chosen, random);
      }
    }
  }

  private static void prefill(Model model, int tokens, RandomGenerator random, boolean commit) {
    int start = model.length();
    try (Rows rows = model.cache.prefill(tokens)) {
      List<Integer> positions = new ArrayList<>();
      List<SortedSet<Integer>> all = new ArrayList<>();
      List<SortedSet<Integer>> window = new ArrayList<>();
      for (int position = start; position < start + tokens; position++) {
        positions.add(position);
        all.add(range(0, position));
        window.add(range(Math.max(0, position + 1 - WINDOW), position));
      }
      check(model.cache.pool().backend(), rows, positions, all, window, random);
      if (commit) {
        rows.commit();
        model.append(tokens, true);
      }
    }
  }

  private static void step(CachePool pool, List<Model> models, RandomGenerator random) {
    try (DecodeBatch batch = pool.batch(models.stream().map(model -> model.cache).toList())) {
      for (int i = random.nextInt(3); i >= 0; i--) {
        batch.prepare();
        List<Integer> positions = models.stream().map(Model::length).toList();
        check(pool.backend(), batch, positions, models.stream().map(Model::attended).toList(),
            positions.stream().map(p -> range(Math.max(0, p + 1 - WINDOW), p)).toList(), random);
        if (random.nextInt(6) > 0) { // else the step is given up
          batch.commit();
          models.forEach(model -> model.append(1, false));
        }
      }
    }
  }

  private static SortedSet<Integer> range(int from, int last) {
    SortedSet<Integer> range = new TreeSet<>();
    for (int position = from; position <= last; position++) {
      range.add(position);
    }
    return range;
  }

  /** Runs a pass up to its commit and reads from the outputs what each row attended. */
  private static void check(Backend backend, Rows rows, List<Integer> positions,
      List<SortedSet<Integer>> everywhere, List<SortedSet<Integer>> window,
      RandomGenerator random) {
    int count = positions.size();
    rows.begin();
    for (int layer = 0; layer < 2; layer++) {
      try (Buffers buffers = new Buffers(backend)) {
        float[] values = new float[count * LONGEST];
        for (int row = 0; row < count; row++) {
          values[row * LONGEST + positions.get(row)] = 1;
        }
        Buffer out = buffers.empty(DType.F32, count, 2, LONGEST);
        rows.append(layer, buffers.of(RandomKv.normal(random, count * LONGEST), count, 1, LONGEST),
            buffers.of(values, count, 1, LONGEST));
        rows.attend(layer, buffers.empty(DType.F32, count, 2, LONGEST), out);
        float[] weights = buffers.floats(out);
        for (int row = 0; row < count; row++) {
          SortedSet<Integer> attended = (layer == 0 ? everywhere : window).get(row);
          float[] expected = new float[LONGEST];
          attended.forEach(position -> expected[position] = 1f / attended.size());
          for (int head = 0; head < 2; head++) {
            int from = (row * 2 + head) * LONGEST;
            assertArrayEquals(expected, Arrays.copyOfRange(weights, from, from + LONGEST),
                1e-5f, "layer " + layer + ", position " + positions.get(row));
          }
        }
      }
    }
  }
}
