package io.pariskv.index;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.TokenSlabs;
import io.pariskv.testing.Fixture;
import io.pariskv.testing.Hashed;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Size;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Means of keys, and on which side of the planes keys are. */
@Seeded
@Tag("stages")
class KeyHashingTest {
  static Stream<Arguments> sizes() {
    return TestBackends.with(Stream.concat(Size.all(),
        Size.all().skip(3).limit(4).map(size -> size.withHeadDim(size.rows() % 2 == 0 ? 72 : 33))));
  }

  /** More planes than a block has at a time where there are few keys, else few: the oracle is slow. */
  static SimHash hash(Size size) {
    int zone = size.zones().getFirst();
    return zone > 5_000
        ? new SimHash(3, 5)
        : zone > 40 ? new SimHash(1 + zone % 7, 7) : new SimHash(10 + zone % 7, 60 + zone % 11);
  }

  private static void assertSameOnAllBackends(Backend backend, Size size) {
    SimHash hash = hash(size);
    try (ScalarBackend scalar = new ScalarBackend();
        Fixture fixture = new Fixture(backend, size);
        Fixture other = new Fixture(scalar, size);
        Hashed hashed = new Hashed(fixture, size, hash, SimHash.SEED).encode();
        Hashed oracle = new Hashed(other, size, hash, SimHash.SEED).encode()) {
      for (int row = 0; row < size.rows(); row++) {
        int keys = size.zones().get(row);
        for (int kvHead = 0; kvHead < size.kvHeads() && keys > 0; kvHead++) {
          Tolerance.assertSameBits(oracle.mean(row, kvHead), hashed.mean(row, kvHead),
              size::toString);
          for (int slab = 0; slab < TokenSlabs.slabs(keys); slab++) {
            int words = Math.ceilDiv(keys - slab * TokenSlabs.SLAB_TOKENS, Integer.SIZE);
            assertSameWords(oracle.words(row, kvHead, slab), hashed.words(row, kvHead, slab),
                words, size);
          }
        }
      }
    }
  }

  private static void assertSameWords(int[] expected, int[] actual, int used, Size size) {
    assertEquals(expected.length, actual.length);
    for (int i = 0; i < expected.length; i++) {
      if (i % HashIndex.WORDS < used && expected[i] != actual[i]) {
        int word = i;
        assertEquals(Integer.toBinaryString(expected[i]), Integer.toBinaryString(actual[i]),
            () -> size + ", word " + word);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("sizes")
  void meansAndBits_areTheSameOnAllBackends(Backend backend, Size size) {
    assertSameOnAllBackends(backend, size);
  }

  @ParameterizedTest(allowZeroInvocations = true)
  @MethodSource("io.pariskv.testing.TestBackends#withLongSizes")
  void meansAndBitsOfLongZones_areTheSameOnAllBackends(Backend backend, Size size) {
    assertSameOnAllBackends(backend, size);
  }

  /** In double, from the keys themselves. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void aBit_isTheSideOfThePlane_seenFromTheMeanOfAllKeys(Backend backend) {
    Size size = new Size(List.of(1_100, 45), 2, 1, 32, DType.BF16, RandomKv.COMMON_MEAN);
    SimHash hash = new SimHash(5, 7);
    float[] planes = hash.planes(32, 11);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, hash, 11).encode()) {
      int wrong = 0;
      for (int row = 0; row < 2; row++) {
        for (int kvHead = 0; kvHead < 2; kvHead++) {
          double[] mean = new double[32];
          int keys = size.zones().get(row);
          for (int key = 0; key < keys; key++) {
            for (int i = 0; i < 32; i++) {
              mean[i] += fixture.key(row, kvHead, Fixture.SINK + key)[i] / (double) keys;
            }
          }
          Tolerance.assertClose(mean, hashed.mean(row, kvHead), 1e-6, size::toString);
          for (int key = 0; key < keys; key++) {
            int[] words = hashed.words(row, kvHead, key / 1024);
            for (int plane = 0; plane < hash.planes(); plane++) {
              double dot = 0;
              for (int i = 0; i < 32; i++) {
                dot += (fixture.key(row, kvHead, Fixture.SINK + key)[i] - mean[i])
                    * planes[i * hash.stride() + plane];
              }
              int word = words[plane * HashIndex.WORDS + key % 1024 / 32];
              wrong += dot > 0 == ((word >>> key % 32 & 1) == 1) || Math.abs(dot) < 1e-4 ? 0 : 1;
            }
          }
        }
      }
      assertEquals(0, wrong);
    }
  }

  /** Also bits beyond the keys that there were, which are written anew. */
  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void keysHashedOneByOne_haveTheBitsOfAllAtOnce(Backend backend) {
    Size size = new Size(List.of(1_070), 2, 1, 16, DType.BF16, RandomKv.NORMAL);
    SimHash hash = new SimHash(6, 9);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed whole = new Hashed(fixture, size, hash, SimHash.SEED).encode();
        Hashed parts = new Hashed(fixture, size, hash, SimHash.SEED).encode()) {
      KvStore kv = fixture.kv();
      HashIndex index = parts.index();
      index.signatures().release(fixture.slot(0));
      index.signatures().reserve(fixture.slot(0), 1_070);
      int[] ends = {1, 2, 31, 32, 33, 64, 100, 1_000, 1_023, 1_024, 1_025, 1_070};
      int from = 0;
      for (int end : ends) {
        backend.hashes().hashing().encode(kv, Fixture.LAYER, fixture.slot(0), Fixture.SINK + from,
            new TokenZones(Fixture.SINK, Fixture.SINK + end, fixture.length(0)), index);
        from = end;
      }
      for (int kvHead = 0; kvHead < 2; kvHead++) {
        assertArrayEquals(whole.words(0, kvHead, 0), parts.words(0, kvHead, 0));
        assertSameWords(whole.words(0, kvHead, 1), parts.words(0, kvHead, 1), 2, size);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void equalKeys_areAtTheirMean_andHaveNoBits(Backend backend) {
    Size size = new Size(List.of(77), 1, 1, 16, DType.F32, RandomKv.EQUAL);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, new SimHash(3, 4), SimHash.SEED).encode()) {
      assertArrayEquals(fixture.key(0, 0, 9), hashed.mean(0, 0), 0);
      int[] words = hashed.words(0, 0, 0);
      for (int i = 0; i < words.length; i++) {
        assertTrue(i % HashIndex.WORDS > 2 || words[i] == 0);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("io.pariskv.testing.TestBackends#all")
  void emptyZones_andOtherKeys_areRefused(Backend backend) {
    Size size = new Size(List.of(8), 2, 2, 16, DType.BF16, RandomKv.NORMAL);
    try (Fixture fixture = new Fixture(backend, size);
        Hashed hashed = new Hashed(fixture, size, new SimHash(2, 3), SimHash.SEED).encode();
        KvStore other = backend.newKvStore(new KvShape(3, 4, 2, 32, DType.BF16), 1)) {
      assertRefused(IllegalArgumentException.class, () -> backend.hashes().mean().find(
          fixture.kv(), Fixture.LAYER, 0, new TokenZones(5, 5, 20), hashed.index()),
          "at least 1 key");
      assertRefused(IllegalArgumentException.class, () -> backend.hashes().hashing().encode(other,
          1, 0, 5, new TokenZones(5, 9, 20), hashed.index()), "hashes are of keys of", "not of");
      assertRefused(IllegalArgumentException.class,
          () -> new HashIndex(new SimHash(2, 3), hashed.index().planes(),
              hashed.index().logWeights(), hashed.index().signatures(),
              hashed.index().signatures()),
          "means must be rows of 16 f32", "not of 192 i32");
    }
  }
}
