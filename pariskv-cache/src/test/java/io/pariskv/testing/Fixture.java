package io.pariskv.testing;

import io.pariskv.backend.Backend;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyCentre;
import io.pariskv.index.KeyIndex;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.DType;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A store filled with random keys and values, and an index over them: sequences of a {@link Size}, each
 * {@code [ SINK | zone | LOCAL ]} tokens. Only {@link #LAYER} is filled, so a stage that reads another
 * layer finds nothing; row {@code r} of the batch is not slot {@code r}. Two fixtures of one size and
 * window hold the same numbers, whatever their backends.
 */
public final class Fixture implements AutoCloseable {
  /** The layer under test. */
  public static final int LAYER = 1;
  /** Tokens of the sink. */
  public static final int SINK = 5;
  /** Tokens after the retrieval zone. */
  public static final int LOCAL = 7;

  private final Backend backend;
  private final Size size;
  private final Coarse coarse;
  private final Buffers buffers;
  private final KvStore kv;
  private final float[][] keys;
  private final float[][] values;
  private @Nullable KeyIndex index;

  /** Fills a store; no layer has a sliding window. */
  public Fixture(Backend backend, Size size) {
    this(backend, size, 0, Coarse.TIERS);
  }

  /** Fills a store; no layer has a sliding window, and the index is of {@code coarse}. */
  public Fixture(Backend backend, Size size, Coarse coarse) {
    this(backend, size, 0, coarse);
  }

  /** Fills a store whose {@link #LAYER} has a sliding window, or none if 0. */
  public Fixture(Backend backend, Size size, int window) {
    this(backend, size, window, Coarse.TIERS);
  }

  private Fixture(Backend backend, Size size, int window, Coarse coarse) {
    this.backend = backend;
    this.size = size;
    this.coarse = coarse;
    this.buffers = new Buffers(backend);
    this.kv = backend.newKvStore(size.shape(window), size.rows());
    this.keys = new float[size.rows()][];
    this.values = new float[size.rows()][];
    RandomGenerator random = Seeds.random(size);
    for (int row = 0; row < size.rows(); row++) {
      kv.open();
    }
    for (int row = 0; row < size.rows(); row++) {
      fill(row, random);
    }
  }

  private void fill(int row, RandomGenerator random) {
    int length = length(row);
    float[] k = size.keys().keys(random, length, size.kvHeads(), size.headDim());
    float[] v = RandomKv.normal(random, length * size.kvHeads() * size.headDim());
    int[] slots = IntStream.generate(() -> slot(row)).limit(length).toArray();
    int[] positions = IntStream.range(0, length).toArray();
    kv.reserve(slot(row), length);
    kv.setZones(slot(row), zones(row));
    try (Buffers chunk = new Buffers(backend)) {
      Batch batch = new Batch(length, chunk.of(slots, length), chunk.of(positions, length));
      backend.attention().append().append(kv, LAYER, batch,
          chunk.of(k, length, size.kvHeads(), size.headDim()),
          chunk.of(v, length, size.kvHeads(), size.headDim()));
    }
    keys[row] = stored(k);
    values[row] = stored(v);
  }

  private float[] stored(float[] rows) {
    if (size.dtype() == DType.BF16) {
      for (int i = 0; i < rows.length; i++) {
        rows[i] = Bf16.toFloat(Bf16.fromFloat(rows[i]));
      }
    }
    return rows;
  }

  /** Encodes the retrieval zones, in two parts and from their centre if they have one, and sets the budgets. */
  public Fixture encode(RetrievalBudget budget) {
    KeyIndex target = index();
    for (int row = 0; row < size.rows(); row++) {
      int zone = size.zones().get(row);
      if (zone > 0) {
        target.reserve(slot(row), zone);
        if (coarse == Coarse.SCORES) {
          backend.retrieval().keyCentre().find(kv, LAYER, slot(row), SINK,
              KeyCentre.keysOfCentre(zone), target);
        }
        encode(target, slot(row), 0, zone / 3);
        encode(target, slot(row), zone / 3, zone);
      }
      target.setBudget(slot(row), budget.fields(zone));
    }
    return this;
  }

  private void encode(KeyIndex target, int slot, int from, int to) {
    backend.retrieval().keyEncoder().encode(kv, LAYER, slot, SINK + from, SINK + to, target, from);
  }

  /** Sets keys, candidates and k of every row without encoding anything. */
  public Fixture budget(RetrievalBudget budget) {
    for (int row = 0; row < size.rows(); row++) {
      index().setBudget(slot(row), budget.fields(size.zones().get(row)));
    }
    return this;
  }

  /** The slot of row {@code row}: the rows of the batch are the slots in reverse. */
  public int slot(int row) {
    return size.rows() - 1 - row;
  }

  /** Tokens of the sequence of row {@code row}. */
  public int length(int row) {
    return SINK + size.zones().get(row) + LOCAL;
  }

  /** Zones of the sequence of row {@code row}. */
  public TokenZones zones(int row) {
    int zone = size.zones().get(row);
    return new TokenZones(SINK, SINK + zone, length(row));
  }

  /** The last token of each sequence. */
  public Batch batch() {
    int[] slots = IntStream.range(0, size.rows()).map(this::slot).toArray();
    int[] positions = IntStream.range(0, size.rows()).map(row -> length(row) - 1).toArray();
    return new Batch(size.rows(), buffers.of(slots, size.rows()),
        buffers.of(positions, size.rows()));
  }

  /** Queries of the batch, {@code [rows][heads][headDim]}, in part aligned with keys. */
  public float[] queries() {
    RandomGenerator random = Seeds.random(size, "queries");
    float[] queries = RandomKv.normal(random, size.rows() * size.heads() * size.headDim());
    for (int head = 0; head < size.rows() * size.heads(); head++) {
      int row = head / size.heads();
      float[] like = key(row, head % size.heads() / size.group(), random.nextInt(length(row)));
      for (int i = 0; i < like.length; i++) {
        queries[head * like.length + i] += 0.5f * like[i] / Math.max(1, Math.abs(like[i]));
      }
    }
    return queries;
  }

  /** A key as stored. */
  public float[] key(int row, int kvHead, int position) {
    return vector(keys[row], kvHead, position);
  }

  /** A value as stored. */
  public float[] value(int row, int kvHead, int position) {
    return vector(values[row], kvHead, position);
  }

  private float[] vector(float[] rows, int kvHead, int position) {
    int at = (position * size.kvHeads() + kvHead) * size.headDim();
    return Arrays.copyOfRange(rows, at, at + size.headDim());
  }

  /** The backend. */
  public Backend backend() {
    return backend;
  }

  /** The store. */
  public KvStore kv() {
    return kv;
  }

  /** The index. */
  public KeyIndex index() {
    if (index == null) {
      index = backend.newKeyIndex(kv.shape(), size.rows(), coarse);
    }
    return index;
  }

  /** Memory that lives as long as this. */
  public Buffers buffers() {
    return buffers;
  }

  @Override
  public void close() {
    if (index != null) {
      index.close();
    }
    kv.close();
    buffers.close();
  }
}
