package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.XOR;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.retrieve.HashSampling;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * {@link HashSampling} on vectors and all cores, in three turns: the bits of the queries; which keys collide twice, a bit a
 * key, looked up for each head where there are lists of buckets, else compared a slab at a time for four heads of a
 * group; positions and weights of each head.
 */
final class VectorHashSampling implements HashSampling {
  private static final int LANES = Species.INTS.length();

  /** Query heads for which a word of keys is read once. */
  private static final int HEADS = 4;

  /** Sampled rows that are brought near before they are weighed. */
  private static final int ROWS = 32;

  private final Workers workers;

  VectorHashSampling(Workers workers) {
    this.workers = workers;
  }

  @Override
  public void sample(KvStore kv, int layer, Batch batch, Buffer q, HashIndex index,
      Selection sampled, Buffer logWeights) {
    HostKvStore store = HostKvStore.of(kv);
    KvShape shape = kv.shape();
    int heads = shape.heads();
    int most = ZoneItems.most(store, batch);
    index.require(shape);
    q.require("queries", DType.F32, batch.rows(), heads, shape.headDim());
    sampled.counts().require("sampled counts", DType.I32, batch.rows(), heads);
    sampled.positions().requireAtLeast("sampled positions", DType.I32, batch.rows(), heads, most);
    logWeights.require("log-weights", DType.F32, batch.rows(), heads, sampled.capacity());

    int chunks = Math.ceilDiv(shape.groupSize(), HEADS); // of a group
    int fours = batch.rows() * shape.kvHeads() * chunks;
    int[][] masks = new int[fours][];
    workers.run(fours, four -> masks[four] = masks(four / chunks * shape.groupSize(),
        four % chunks * HEADS, shape, q, index));
    int slabs = Math.toIntExact(TokenSlabs.slabs(most));
    int[][] hits = new int[fours * HEADS][slabs * HashIndex.WORDS];
    VectorBucketLists lists = VectorBucketLists.of(index.lists());
    if (lists != null) {
      int[][] buckets = new int[batch.rows() * heads][];
      workers.run(buckets.length, head -> {
        int at = place(head, shape, chunks);
        buckets[head] = buckets(masks[at / HEADS], at % HEADS, index.hash());
      });
      int blocks = Math.ceilDiv(most, lists.most());
      workers.run(buckets.length * blocks, task -> {
        int head = task / blocks;
        int row = head / heads;
        lists.collide(layer, ZoneItems.slot(batch, row), task % blocks,
            head % heads / shape.groupSize(), buckets[head], ZoneItems.keys(store, batch, row),
            hits[place(head, shape, chunks)]);
      });
    }
    workers.run(fours * slabs, task -> {
      int four = task / slabs;
      int slab = task % slabs;
      int pair = four / chunks; // KV head of all rows' KV heads
      int row = pair / shape.kvHeads();
      int slot = ZoneItems.slot(batch, row);
      int begin = slab * TokenSlabs.SLAB_TOKENS;
      int keys = Math.min(TokenSlabs.SLAB_TOKENS, ZoneItems.keys(store, batch, row) - begin);
      int listed = lists == null ? 0 : Math.max(0, lists.listed(layer, slot) - begin);
      if (keys > listed) {
        long words = HostZoneTable.of(index.signatures())
            .row(layer, slot, pair % shape.kvHeads(), slab).address();
        int used = Math.ceilDiv(keys, Integer.SIZE);
        for (int word = listed / Integer.SIZE; word < used; word += LANES) {
          collide(words + 4L * word, index.hash(), masks[four], hits, four * HEADS,
              slab * HashIndex.WORDS + word);
        }
      }
    });
    Weighing weighing = new Weighing(store, layer, batch, q, index, sampled, logWeights);
    workers.run(batch.rows() * heads,
        head -> weighing.weigh(head, hits[place(head, shape, chunks)]));
  }

  /** Where a head of all rows' heads is among fours: each group begins a new one of its {@code chunks}. */
  private static int place(int head, KvShape shape, int chunks) {
    return head / shape.groupSize() * chunks * HEADS + head % shape.groupSize();
  }

  /** For each plane the bits of up to four heads of a group, {@code [planes][4]}, as masks of all keys of a word. */
  private static int[] masks(int group, int first, KvShape shape, Buffer q, HashIndex index) {
    int stride = index.hash().stride();
    int[] masks = new int[index.hash().planes() * HEADS];
    float[] sums = new float[stride];
    for (int head = 0; head < Math.min(HEADS, shape.groupSize() - first); head++) {
      long query = q.address() + 4L * (group + first + head) * shape.headDim();
      Arrays.fill(sums, 0);
      for (int i = 0; i < shape.headDim(); i++) {
        FloatVector x = FloatVector.broadcast(Species.FLOATS, Raw.getFloat(query + 4L * i));
        long planes = index.planes().address() + 4L * i * stride;
        for (int p = 0; p < stride; p += Species.FLOATS.length()) {
          x.fma(Raw.f32(planes + 4L * p), FloatVector.fromArray(Species.FLOATS, sums, p))
              .intoArray(sums, p);
        }
      }
      for (int p = 0; p < index.hash().planes(); p++) {
        masks[p * HEADS + head] = sums[p] > 0 ? -1 : 0;
      }
    }
    return masks;
  }

  /** The bucket of a query in each table. */
  private static int[] buckets(int[] masks, int head, SimHash hash) {
    int[] buckets = new int[hash.tables()];
    for (int table = 0; table < hash.tables(); table++) {
      for (int bit = 0; bit < hash.bits(); bit++) {
        int plane = table * hash.bits() + bit;
        buckets[table] |= (masks[plane * HEADS + head] & 1) << bit;
      }
    }
    return buckets;
  }

  /**
   * Finds which keys of a vector of words collide twice with each of four heads. {@code none} has the keys without a
   * collision so far, {@code few} those with at most one.
   */
  private static void collide(long words, SimHash hash, int[] masks, int[][] hits, int head,
      int at) {
    IntVector none0 = IntVector.broadcast(Species.INTS, -1);
    IntVector none1 = none0;
    IntVector none2 = none0;
    IntVector none3 = none0;
    IntVector few0 = none0;
    IntVector few1 = none0;
    IntVector few2 = none0;
    IntVector few3 = none0;
    int plane = 0;
    for (int table = 0; table < hash.tables(); table++) {
      IntVector other0 = IntVector.zero(Species.INTS); // keys with another bit
      IntVector other1 = other0;
      IntVector other2 = other0;
      IntVector other3 = other0;
      for (int end = plane + hash.bits(); plane < end; plane++) {
        IntVector x = IntVector.fromMemorySegment(Species.INTS, Raw.ALL,
            words + 4L * plane * HashIndex.WORDS, ByteOrder.LITTLE_ENDIAN);
        int m = plane * HEADS;
        other0 = other0.or(x.lanewise(XOR, masks[m]));
        other1 = other1.or(x.lanewise(XOR, masks[m + 1]));
        other2 = other2.or(x.lanewise(XOR, masks[m + 2]));
        other3 = other3.or(x.lanewise(XOR, masks[m + 3]));
      }
      few0 = few0.and(none0.or(other0));
      few1 = few1.and(none1.or(other1));
      few2 = few2.and(none2.or(other2));
      few3 = few3.and(none3.or(other3));
      none0 = none0.and(other0);
      none1 = none1.and(other1);
      none2 = none2.and(other2);
      none3 = none3.and(other3);
    }
    few0.not().intoArray(hits[head], at);
    few1.not().intoArray(hits[head + 1], at);
    few2.not().intoArray(hits[head + 2], at);
    few3.not().intoArray(hits[head + 3], at);
  }

  /** The third turn. */
  private record Weighing(HostKvStore store, int layer, Batch batch, Buffer q, HashIndex index,
      Selection sampled, Buffer logWeights) {

    /** Lists the keys of {@code hits}, a bit a key, and weighs them. */
    void weigh(int head, int[] hits) {
      int slot = ZoneItems.slot(batch, head / store.shape().heads());
      long positions = sampled.positions().address() + 4L * head * sampled.capacity();
      int count = list(hits, store.zones(slot).retrievalTokens(), positions);
      if (count > 0) {
        weigh(head, slot, positions, count);
      }
      Raw.ALL.set(ValueLayout.JAVA_INT, sampled.counts().address() + 4L * head, count);
    }

    /** Writes which of {@code keys} bits are set, and returns how many are. */
    private static int list(int[] hits, int keys, long positions) {
      int count = 0;
      for (int word = 0; word * Integer.SIZE < keys; word++) {
        int left = keys - word * Integer.SIZE;
        int bits = hits[word] & (left < Integer.SIZE ? (1 << left) - 1 : -1);
        for (; bits != 0; bits &= bits - 1) {
          Raw.ALL.set(ValueLayout.JAVA_INT_UNALIGNED, positions + 4L * count++,
              word * Integer.SIZE + Integer.numberOfTrailingZeros(bits));
        }
      }
      return count;
    }

    private void weigh(int head, int slot, long positions, int count) {
      KvShape shape = store.shape();
      int headDim = shape.headDim();
      int kvHead = head % shape.heads() / shape.groupSize();
      TokenZones zones = store.zones(slot);
      TokenSlabs slabs = store.keys(layer, slot);
      float[] weights = new float[SimHash.INTERVALS + 1];
      Floats.readF32(index.logWeights().address(), weights, 0, weights.length);
      float[] mean = ScoredHeads.newRow(headDim);
      MemorySegment means = HostZoneTable.of(index.means()).row(layer, slot, kvHead, 0);
      Floats.readF32(means.address(), mean, 0, headDim);
      float[] query = ScoredHeads.newRow(headDim);
      Floats.readF32(q.address() + 4L * head * headDim, query, 0, headDim);
      float[] key = ScoredHeads.newRow(headDim);
      float[] sums = ScoredHeads.newSums();
      float query2 = ScoredHeads.dot(query, query, sums);
      long out = logWeights.address() + 4L * head * sampled.capacity();
      RowBlock rows = new RowBlock(ROWS);
      for (int first = 0; first < count; first += ROWS) {
        int block = Math.min(ROWS, count - first);
        rows.take(slabs, kvHead, zones.sinkEnd(), positions + 4L * first, block);
        // Scattered rows are brought all at once; written, or the compiler leaves it out, and then overwritten.
        Raw.setFloat(out + 4L * first, rows.touch(headDim * slabs.dtype().bytes()));
        for (int i = 0; i < block; i++) {
          Floats.read(slabs.dtype(), rows.addresses()[i], key, 0, headDim);
          subtract(mean, key);
          Raw.setFloat(out + 4L * (first + i), SimHash.logWeight(weights,
              ScoredHeads.dot(query, key, sums), query2, ScoredHeads.dot(key, key, sums)));
        }
      }
    }

    private static void subtract(float[] mean, float[] key) {
      for (int i = 0; i < key.length; i++) {
        key[i] -= mean[i];
      }
    }
  }
}
