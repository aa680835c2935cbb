package io.pariskv.testing;

import io.pariskv.backend.Backend;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Hashes of a {@link Fixture}'s sequences, in {@link Fixture#LAYER}, and what is sampled by them. */
public final class Hashed implements AutoCloseable {
  private final Fixture fixture;
  private final Size size;
  private final HashIndex index;

  /** What a query head samples. */
  public record Sample(int[] positions, float[] logWeights) {
  }

  /** With the planes of {@code seed}; nothing is hashed. */
  public Hashed(Fixture fixture, Size size, SimHash hash, long seed) {
    Backend backend = fixture.backend();
    this.fixture = fixture;
    this.size = size;
    index = new HashIndex(hash,
        fixture.buffers().of(hash.planes(size.headDim(), seed), size.headDim(), hash.stride()),
        fixture.buffers().of(hash.logWeights(), SimHash.INTERVALS + 1L),
        backend.newZoneTable(fixture.kv().shape(), size.rows(), DType.F32, size.headDim(),
            TokenSlabs.SLAB_TOKENS),
        backend.newZoneTable(fixture.kv().shape(), size.rows(), DType.I32, HashIndex.width(hash),
            TokenSlabs.SLAB_TOKENS),
        backend.newBucketLists(fixture.kv().shape(), size.rows(), hash));
  }

  /** Finds the means and hashes the retrieval zones, in two parts. */
  public Hashed encode() {
    for (int row = 0; row < size.rows(); row++) {
      int keys = size.zones().get(row);
      if (keys > 0) {
        index.means().reserve(fixture.slot(row), 1);
        index.signatures().reserve(fixture.slot(row), keys);
        fixture.backend().hashes().mean().find(fixture.kv(), Fixture.LAYER, fixture.slot(row),
            fixture.zones(row), index);
        int middle = Fixture.SINK + keys / 3;
        encode(row, Fixture.SINK, new TokenZones(Fixture.SINK, middle, fixture.length(row)));
        encode(row, middle, fixture.zones(row));
      }
    }
    return this;
  }

  private void encode(int row, int from, TokenZones zones) {
    fixture.backend().hashes().hashing().encode(fixture.kv(), Fixture.LAYER, fixture.slot(row),
        from, zones, index);
  }

  /** The index. */
  public HashIndex index() {
    return index;
  }

  /** The mean of a KV head's keys. */
  public float[] mean(int row, int kvHead) {
    return index.means().read(Fixture.LAYER, fixture.slot(row), kvHead, 0)
        .toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
  }

  /** The bits of a slab of keys, {@code [planes][32]} words. */
  public int[] words(int row, int kvHead, int slab) {
    return index.signatures().read(Fixture.LAYER, fixture.slot(row), kvHead, slab)
        .toArray(ValueLayout.JAVA_INT_UNALIGNED);
  }

  /** What the queries {@code [rows][heads][headDim]} sample, a sample a head. */
  public Sample[] sample(float[] queries) {
    int heads = size.heads();
    int capacity = size.zones().stream().max(Integer::compare).orElseThrow() + 3;
    Buffers buffers = fixture.buffers();
    Selection sampled = new Selection(
        buffers.empty(DType.I32, size.rows(), heads, capacity),
        buffers.of(filled(size.rows() * heads), size.rows(), heads));
    Buffer logWeights = buffers.empty(DType.F32, size.rows(), heads, capacity);
    fixture.backend().hashes().sampling().sample(fixture.kv(), Fixture.LAYER, fixture.batch(),
        buffers.of(queries, size.rows(), heads, size.headDim()), index, sampled, logWeights);
    int[] counts = buffers.ints(sampled.counts());
    int[] positions = buffers.ints(sampled.positions());
    float[] weights = buffers.floats(logWeights);
    Sample[] samples = new Sample[counts.length];
    for (int head = 0; head < samples.length; head++) {
      int end = head * capacity + counts[head];
      samples[head] = new Sample(Arrays.copyOfRange(positions, head * capacity, end),
          Arrays.copyOfRange(weights, head * capacity, end));
    }
    return samples;
  }

  /** Counts that no stage leaves. */
  private static int[] filled(int count) {
    int[] filled = new int[count];
    Arrays.fill(filled, -7);
    return filled;
  }

  @Override
  public void close() {
    index.close();
  }
}
