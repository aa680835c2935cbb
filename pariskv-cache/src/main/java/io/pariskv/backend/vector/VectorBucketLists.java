package io.pariskv.backend.vector;

import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;
import static jdk.incubator.vector.VectorOperators.NE;

import io.pariskv.backend.host.HostZoneTable;
import io.pariskv.index.BucketLists;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import io.pariskv.memory.TokenSlabs;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.IntVector;
import org.jspecify.annotations.Nullable;

/** {@link BucketLists} in host memory: sorted by counting, looked up by counting in how many tables a key is found. */
final class VectorBucketLists implements BucketLists {
  private static final int LANES = Species.INTS.length();
  private static final IntVector LANE = IntVector.zero(Species.INTS).addIndex(1);

  /** Tables that a task sorts, with the same scratch memory. */
  private static final int TABLES = 8;

  private final Workers workers;
  private final SimHash hash;
  private final KvShape shape;
  private final int most;
  /** For each slot and layer what is listed, from zone position 0 on. */
  private final @Nullable List<List<Block>>[] sequences;

  /**
   * Lists of neighbouring keys.
   *
   * @param begin zone position of the first
   * @param keys how many
   * @param tables of each KV head
   */
  private record Block(HostAllocator memory, int begin, int keys, List<Tables> tables) {
    int end() {
      return begin + keys;
    }
  }

  /**
   * Where the tables of a block and KV head are.
   *
   * @param starts {@code [tables][buckets + 1] i32}, where the list of each bucket begins
   * @param positions {@code [tables][keys] u16}, key minus the block's first, by bucket and ascending
   */
  private record Tables(long starts, long positions) {
  }

  VectorBucketLists(Workers workers, KvShape shape, int slots, SimHash hash) {
    this(workers, shape, slots, hash, BLOCK);
  }

  /** With smaller blocks. */
  @SuppressWarnings({"unchecked", "rawtypes"}) // an array of lists
  VectorBucketLists(Workers workers, KvShape shape, int slots, SimHash hash, int most) {
    this.workers = workers;
    this.hash = hash;
    this.shape = shape;
    this.most = most;
    this.sequences = (@Nullable List<List<Block>>[]) new @Nullable List[slots];
  }

  /**
   * The lists behind {@code lists}, if there are any.
   *
   * @throws IllegalArgumentException if another backend made them
   */
  static @Nullable VectorBucketLists of(BucketLists lists) {
    if (!lists.any()) {
      return null;
    }
    if (lists instanceof VectorBucketLists own) {
      return own;
    }
    throw new IllegalArgumentException("the vector backend cannot read a "
        + lists.getClass().getSimpleName()
        + "; create the lists with the backend that runs the stages");
  }

  /** Most keys of a block. */
  int most() {
    return most;
  }

  /** Keys that are listed: those at zone positions below this. */
  int listed(int layer, int slot) {
    List<List<Block>> layers = sequences[slot];
    return layers == null ? 0 : end(layers.get(layer));
  }

  private static int end(List<Block> blocks) {
    return blocks.isEmpty() ? 0 : blocks.getLast().end();
  }

  /**
   * Forgets the keys from zone position {@code from} on, and lists those before {@code keys}, as far as they are worth it.
   * If memory runs out, keys without a list are left.
   */
  void update(int layer, int slot, int from, int keys, HostZoneTable signatures) {
    List<Block> blocks = blocks(layer, slot);
    while (end(blocks) > from) {
      blocks.removeLast().memory().close();
    }
    int least = BucketLists.least(hash);
    int whole = keys / STEP * STEP;
    while (least <= most && whole - end(blocks) >= least) {
      int begin = end(blocks) / most * most;
      if (begin < end(blocks)) {
        blocks.removeLast().memory().close(); // to be made again with more keys
      }
      blocks.add(sorted(layer, slot, begin, Math.min(begin + most, whole), signatures));
    }
  }

  private List<Block> blocks(int layer, int slot) {
    List<List<Block>> layers = sequences[slot];
    if (layers == null) {
      layers = Stream.<List<Block>>generate(ArrayList::new).limit(shape.layers()).toList();
      sequences[slot] = layers;
    }
    return layers.get(layer);
  }

  private Block sorted(int layer, int slot, int begin, int end, HostZoneTable signatures) {
    HostAllocator memory = new HostAllocator();
    try {
      Block block = new Block(memory, begin, end - begin, allocated(memory, end - begin));
      int tasks = Math.ceilDiv(hash.tables(), TABLES); // of a KV head
      workers.run(shape.kvHeads() * tasks, task -> {
        int kvHead = task / tasks;
        int[] buckets = new int[block.keys];
        int[] next = new int[(1 << hash.bits()) + 1];
        int first = task % tasks * TABLES;
        for (int table = first; table < Math.min(first + TABLES, hash.tables()); table++) {
          for (int slab = 0; slab * TokenSlabs.SLAB_TOKENS < block.keys; slab++) {
            buckets(signatures.row(layer, slot, kvHead, begin / TokenSlabs.SLAB_TOKENS + slab)
                .address(), table, buckets, slab * TokenSlabs.SLAB_TOKENS);
          }
          sort(buckets, next, block.tables.get(kvHead), table);
        }
      });
      return block;
    } catch (RuntimeException | Error e) {
      memory.close();
      throw e;
    }
  }

  /** Memory for lists of {@code keys} keys, a task a KV head: most of the time new memory is filled with zeros. */
  private List<Tables> allocated(HostAllocator memory, int keys) {
    @Nullable
    Tables[] tables = new @Nullable Tables[shape.kvHeads()];
    workers.run(tables.length, kvHead -> tables[kvHead] = new Tables(
        memory.allocate(DType.I32, hash.tables(), (1L << hash.bits()) + 1).address(),
        memory.allocate(DType.U8, hash.tables(), keys, Short.BYTES).address()));
    return Stream.of(tables).map(Objects::requireNonNull).toList();
  }

  /** The buckets of a slab's keys in {@code table}, as many as there is room for: their bits, turned from words to keys. */
  private void buckets(long words, int table, int[] buckets, int at) {
    int keys = Math.min(TokenSlabs.SLAB_TOKENS, buckets.length - at);
    for (int key = 0; key < keys; key += LANES) {
      IntVector shift = LANE.add(key % Integer.SIZE);
      long word = words + 4L * (table * hash.bits() * HashIndex.WORDS + key / Integer.SIZE);
      IntVector bucket = IntVector.zero(Species.INTS);
      for (int bit = 0; bit < hash.bits(); bit++) {
        bucket = IntVector.broadcast(Species.INTS, Raw.getInt(word + 4L * bit * HashIndex.WORDS))
            .lanewise(LSHR, shift).and(1).lanewise(LSHL, bit).or(bucket);
      }
      bucket.intoArray(buckets, at + key);
    }
  }

  private static void sort(int[] buckets, int[] next, Tables tables, int table) {
    Arrays.fill(next, 0);
    for (int bucket : buckets) {
      next[bucket + 1]++;
    }
    long starts = tables.starts + 4L * table * next.length;
    for (int bucket = 0, sum = 0; bucket < next.length; bucket++) {
      sum += next[bucket];
      next[bucket] = sum;
      Raw.ALL.set(ValueLayout.JAVA_INT, starts + 4L * bucket, sum);
    }
    long positions = tables.positions + (long) Short.BYTES * table * buckets.length;
    for (int key = 0; key < buckets.length; key++) {
      Raw.ALL.set(ValueLayout.JAVA_SHORT, positions + (long) Short.BYTES * next[buckets[key]]++,
          (short) key);
    }
  }

  /**
   * Finds the keys of a block that share two buckets with a query.
   *
   * @param number which block
   * @param buckets the query's, {@code [tables]}
   * @param keys keys of the zone; later ones do not count
   * @param hits out, a bit a key of the zone, for this block all zero
   */
  void collide(int layer, int slot, int number, int kvHead, int[] buckets, int keys, int[] hits) {
    List<List<Block>> layers = sequences[slot];
    if (layers == null || number >= layers.get(layer).size()) {
      return;
    }
    Block block = layers.get(layer).get(number);
    Tables tables = block.tables.get(kvHead);
    byte[] found = new byte[BLOCK]; // for each key as many bits as tables it was found in, up to eight
    for (int table = 0; table < buckets.length; table++) {
      long start = tables.starts + 4 * (table * ((1L << hash.bits()) + 1) + buckets[table]);
      long positions = tables.positions + (long) Short.BYTES * table * block.keys;
      int end = Raw.getInt(start + 4);
      for (int i = Raw.getInt(start); i < end; i++) {
        int key = Short.toUnsignedInt(Raw.getShort(positions + (long) Short.BYTES * i));
        found[key] = (byte) (found[key] << 1 | 1);
      }
    }
    int lanes = Species.BYTES.length();
    for (int key = 0; key < Math.min(block.keys, keys - block.begin); key += lanes) {
      long twice = ByteVector.fromArray(Species.BYTES, found, key).and((byte) 2).compare(NE, 0)
          .toLong();
      int word = (block.begin + key) / Integer.SIZE;
      hits[word] |= (int) (twice << key % Integer.SIZE);
      if (lanes > Integer.SIZE) {
        hits[word + 1] = (int) (twice >>> Integer.SIZE);
      }
    }
  }

  @Override
  public void release(int slot) {
    List<List<Block>> layers = sequences[slot];
    if (layers != null) {
      sequences[slot] = null;
      layers.forEach(blocks -> blocks.forEach(block -> block.memory().close()));
    }
  }

  @Override
  public long bytes() {
    long bytes = 0;
    for (List<List<Block>> layers : sequences) {
      bytes += layers == null
          ? 0
          : layers.stream().flatMap(List::stream).mapToLong(b -> b.memory().allocatedBytes()).sum();
    }
    return bytes;
  }

  @Override
  public void close() {
    for (int slot = 0; slot < sequences.length; slot++) {
      release(slot);
    }
  }
}
