package io.pariskv.backend.vector;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.host.HostKvStore;
import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.BucketLists;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Tolerance;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Looked up or compared, the same keys are found; whatever came, was taken back, and came again as another key. */
@Seeded
@Tag("stages")
class VectorBucketListsTest {
  private static final KvShape SHAPE = new KvShape(2, 6, 2, 16, DType.F32);
  private static final SimHash HASH = new SimHash(3, 7);
  private static final int LAYER = 1;
  private static final int SINK = 5;
  private static final int MOST = 10_000;
  private static final int BLOCK = 2_048;

  /** Two sequences, whose keys grow and shrink, and an index with lists and one without over the same bits. */
  private static final class Sequences implements AutoCloseable {
    private final VectorBackend backend = new VectorBackend(3);
    private final Workers workers = new Workers(3);
    private final Buffers buffers = new Buffers(backend);
    private final KvStore kv = backend.newKvStore(SHAPE, 2);
    private final VectorBucketLists lists = new VectorBucketLists(workers, SHAPE, 2, HASH, BLOCK);
    private final HashIndex listed;
    private final HashIndex compared;

    Sequences() {
      Buffer planes = buffers.of(HASH.planes(16, SimHash.SEED), 16, HASH.stride());
      Buffer logWeights = buffers.of(HASH.logWeights(), SimHash.INTERVALS + 1L);
      ZoneTable means = backend.newZoneTable(SHAPE, 2, DType.F32, 16, TokenSlabs.SLAB_TOKENS);
      ZoneTable bits = backend.newZoneTable(SHAPE, 2, DType.I32, HashIndex.width(HASH),
          TokenSlabs.SLAB_TOKENS);
      listed = new HashIndex(HASH, planes, logWeights, means, bits, lists);
      compared = new HashIndex(HASH, planes, logWeights, means, bits);
      for (int slot = 0; slot < 2; slot++) {
        kv.open();
        kv.reserve(slot, SINK + MOST);
        kv.setZones(slot, TokenZones.dense(SINK));
        means.reserve(slot, 1);
        bits.reserve(slot, MOST);
      }
    }

    int keys(int slot) {
      return HostKvStore.of(kv).zones(slot).retrievalTokens();
    }

    void grow(int slot, int more, RandomGenerator random) {
      int from = HostKvStore.of(kv).zones(slot).length();
      int[] slots = new int[more];
      Arrays.fill(slots, slot);
      Buffer rows = buffers.of(RandomKv.normal(random, more * 32), more, 2, 16);
      backend.attention().append().append(kv, LAYER,
          new Batch(more, buffers.of(slots, more),
              buffers.of(IntStream.range(from, from + more).toArray(), more)),
          rows, rows);
      TokenZones zones = new TokenZones(SINK, from + more, from + more);
      kv.setZones(slot, zones);
      backend.hashes().hashing().encode(kv, LAYER, slot, from, zones, listed);
    }

    void cut(int slot, int keys) {
      kv.setZones(slot, new TokenZones(SINK, SINK + keys, SINK + keys));
    }

    void assertSamplesAreTheSame(RandomGenerator random) {
      float[] queries = RandomKv.normal(random, 2 * 6 * 16);
      Found looked = sample(listed, queries);
      Found all = sample(compared, queries);
      assertArrayEquals(all.counts, looked.counts);
      for (int head = 0; head < all.counts.length; head++) {
        int at = head * MOST;
        int end = at + all.counts[head];
        assertArrayEquals(Arrays.copyOfRange(all.positions, at, end),
            Arrays.copyOfRange(looked.positions, at, end));
        Tolerance.assertSameBits(Arrays.copyOfRange(all.logWeights, at, end),
            Arrays.copyOfRange(looked.logWeights, at, end), () -> "log-weights");
      }
    }

    private Found sample(HashIndex index, float[] queries) {
      Selection sampled = new Selection(buffers.empty(DType.I32, 2, 6, MOST),
          buffers.empty(DType.I32, 2, 6));
      Buffer logWeights = buffers.empty(DType.F32, 2, 6, MOST);
      backend.hashes().sampling().sample(kv, LAYER,
          new Batch(2, buffers.of(new int[]{1, 0}, 2), buffers.of(new int[2], 2)),
          buffers.of(queries, 2, 6, 16), index, sampled, logWeights);
      return new Found(buffers.ints(sampled.counts()), buffers.ints(sampled.positions()),
          buffers.floats(logWeights));
    }

    @Override
    public void close() {
      listed.close();
      kv.close();
      buffers.close();
      workers.close();
      backend.close();
    }
  }

  private record Found(int[] counts, int[] positions, float[] logWeights) {
  }

  @Test
  void keysThatComeAndGo_areFoundAsWithoutLists() {
    RandomGenerator random = Seeds.random("come and go");
    try (Sequences sequences = new Sequences()) {
      int longest = 0;
      for (int turn = 0; turn < 60; turn++) {
        int slot = random.nextInt(2);
        int keys = sequences.keys(slot);
        int more = 1 + (random.nextBoolean() ? random.nextInt(40) : random.nextInt(3_000));
        switch (random.nextInt(8)) {
          case 0 -> {
            sequences.lists.release(slot);
            sequences.cut(slot, 0);
          }
          case 1, 2 -> sequences.cut(slot, keys - random.nextInt(keys + 1) / 2);
          default -> sequences.grow(slot, Math.min(more, MOST - keys), random);
        }
        sequences.assertSamplesAreTheSame(random);
        int listed = sequences.lists.listed(LAYER, slot);
        longest = Math.max(longest, listed);
        assertEquals(0, listed % BucketLists.STEP);
      }
      assertTrue(longest > BLOCK, "lists of " + longest + " keys at most");
    }
  }

  @Test
  void keysThatComeAtOnce_takeTheMemoryThatIsPlanned_andReleasedNone() {
    RandomGenerator random = Seeds.random("at once");
    try (Sequences sequences = new Sequences();
        VectorBucketLists whole = new VectorBucketLists(sequences.workers, SHAPE, 2, HASH)) {
      sequences.grow(0, 5_000, random);
      whole.update(LAYER, 0, 0, 5_000,
          HostZoneTable.of(sequences.listed.signatures()));

      assertEquals(4_608, whole.listed(LAYER, 0));
      assertEquals(4_608, BucketLists.listed(HASH, 5_000));
      assertEquals(2 * BucketLists.bytes(HASH, 5_000), whole.bytes());
      whole.release(0);
      assertEquals(0, whole.bytes());
      assertEquals(0, whole.listed(LAYER, 0));
    }
  }

  @Test
  void fewKeysToABucket_haveNoLists() {
    assertEquals(512, BucketLists.least(new SimHash(7, 3)));
    assertEquals(4_096, BucketLists.least(new SimHash(10, 150)));
    assertEquals(0, BucketLists.listed(new SimHash(10, 150), 4_095));
    assertEquals(4_096, BucketLists.listed(new SimHash(10, 150), 4_607));
    assertEquals(65_536, BucketLists.listed(new SimHash(10, 150), 65_536 + 4_095));
    assertEquals(65_536 + 4_096, BucketLists.listed(new SimHash(10, 150), 65_536 + 4_096));
    assertEquals(131_072, BucketLists.listed(new SimHash(14, 9), 190_000));
    assertEquals(0, BucketLists.listed(new SimHash(15, 9), 190_000));
    assertEquals(0, BucketLists.bytes(new SimHash(16, 9), 190_000));
    assertEquals(3 * (2 * 1_024 + 4 * 5), BucketLists.bytes(new SimHash(2, 3), 1_500));
    assertEquals(3 * 512, BucketLists.read(new SimHash(2, 3), 1_500));
  }
}
