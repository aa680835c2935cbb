package io.pariskv.backend;

import io.pariskv.index.BucketLists;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.SimHash;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.retrieve.AdaptiveBudget;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.Retrieval;
import io.pariskv.retrieve.RetrievalSize;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * One machine: the memory it computes in and one implementation of every stage.
 *
 * <p>Stages run in stream order, the order of the calls. They may return before the work is done; only
 * {@link #download} waits. Nothing else in a step depends on a value that the host would have to read
 * back, so a step can be {@linkplain #record recorded} once and run many times. Buffers passed to a
 * stage must come from this backend. One driving thread.
 */
public interface Backend extends AutoCloseable {

  /** The name that {@code --backend} takes. */
  String name();

  /** What it runs on, such as {@code "512-bit vectors, 4 threads"}. */
  String description();

  /** What else a person may want to know of it, by name; such as which libraries it found. */
  default Map<String, String> facts() {
    return Map.of();
  }

  /** What makes it slower here than it could be and what to do about it, a line each; such as a library that is missing. */
  default List<String> shortcomings() {
    return List.of();
  }

  /** From here on the calling thread drives the backend; the one before must have stopped using it. */
  default void bind() {
    // Host memory belongs to no thread.
  }

  /** A new owner of memory that this backend's stages compute in; the caller closes it. */
  Allocator newAllocator();

  /** A new store for K and V of up to {@code slots} sequences; the caller closes it. */
  default KvStore newKvStore(KvShape shape, int slots) {
    return newKvStore(shape, slots, kvPlacement());
  }

  /** The same with K and V where {@code placement} says. */
  default KvStore newKvStore(KvShape shape, int slots, KvPlacement placement) {
    return newKvStore(shape, slots, placement, 0);
  }

  /**
   * The same with a cache of rows that decode steps select.
   *
   * @param cachedRows rows of each KV head of each layer that sees everything, at least as many as a step
   *     selects and at most {@link #mostCachedRows}, or 0 for no cache; means nothing where K and V are where the
   *     stages work
   */
  KvStore newKvStore(KvShape shape, int slots, KvPlacement placement, int cachedRows);

  /** Most rows of a KV head that a cache of rows can have here. */
  default int mostCachedRows() {
    return RowCacheSize.MOST;
  }

  /** Where K and V live unless said otherwise. */
  default KvPlacement kvPlacement() {
    return KvPlacement.DEVICE;
  }

  /** A new index of {@link Coarse#TIERS}; the caller closes it. */
  default KeyIndex newKeyIndex(KvShape shape, int slots) {
    return newKeyIndex(shape, slots, Coarse.TIERS);
  }

  /**
   * A new index for the retrieval zones of up to {@code slots} sequences; the caller closes it.
   *
   * @throws IllegalArgumentException if the head size is not a power of two from 16 to 256
   */
  KeyIndex newKeyIndex(KvShape shape, int slots, Coarse coarse);

  /** A new retrieval of steps over that index, with room for {@code size}; the caller closes it. */
  default Retrieval newRetrieval(KeyIndex index, RetrievalSize size, Grouping grouping) {
    return switch (grouping) {
      case MEAN -> newRetrieval(index, size);
      case PER_HEAD -> new PerHeadRetrieval(this, index, size);
    };
  }

  /** The same with a budget that adapts: stage by stage. */
  default Retrieval newRetrieval(KeyIndex index, RetrievalSize size, Grouping grouping,
      AdaptiveBudget budget) {
    return switch (grouping) {
      case MEAN -> new StagedRetrieval(this, index, size, budget);
      case PER_HEAD -> new PerHeadRetrieval(this, index, size, budget);
    };
  }

  /** A new retrieval for the mean query of each group; the caller closes it. */
  default Retrieval newRetrieval(KeyIndex index, RetrievalSize size) {
    return new StagedRetrieval(this, index, size);
  }

  /**
   * A new table of rows about the keys of up to {@code slots} sequences' retrieval zones; the caller closes it.
   *
   * @param dtype type of a row's numbers
   * @param width numbers of a row
   * @param tokensPerRow keys that share a row, a power of two
   */
  ZoneTable newZoneTable(KvShape shape, int slots, DType dtype, int width, int tokensPerRow);

  /**
   * New lists of keys by bucket for up to {@code slots} sequences, if this backend looks buckets up, else {@link
   * BucketLists#NONE}; the caller closes them.
   */
  default BucketLists newBucketLists(KvShape shape, int slots, SimHash hash) {
    return BucketLists.NONE;
  }

  /**
   * Where the stages can read {@code host}: the same buffer if they can reach it, else a copy owned by
   * {@code allocator}. For weights.
   */
  Buffer place(Buffer host, Allocator allocator);

  /** Copies {@code source} into {@code target}, in stream order; {@code source} may be reused at once. */
  void upload(MemorySegment source, Buffer target);

  /** Waits for all work before and copies {@code source} into {@code target}. */
  void download(Buffer source, MemorySegment target);

  /** Waits for all work before and reads what is selected: the positions of each head, row after row. */
  default int[][] download(Selection selection) {
    int[] positions = ints(selection.positions());
    int[] counts = ints(selection.counts());
    int[][] heads = new int[counts.length][];
    for (int i = 0; i < counts.length; i++) {
      int from = i * selection.capacity();
      heads[i] = Arrays.copyOfRange(positions, from, from + counts[i]);
    }
    return heads;
  }

  private int[] ints(Buffer buffer) {
    int[] values = new int[Math.toIntExact(buffer.shape().elements())];
    download(buffer, MemorySegment.ofArray(values));
    return values;
  }

  /**
   * Records the stages that {@code body} calls as one step, without the right to change anything but
   * the contents of buffers. On a CPU the step simply calls {@code body} again.
   */
  Step record(Runnable body);

  /** A new stopwatch for what the stages take; the caller closes it. */
  Stopwatch newStopwatch();

  /**
   * Bytes of the largest cache between the stages and their memory, as far as known: who measures a stage
   * that finds nothing in it must let more than that pass in between.
   */
  default long cacheBytes() {
    return 64L << 20;
  }

  /** This backend's stages. */
  Stages stages();

  /** The transformer's small operations. */
  default LayerStages layers() {
    return stages().layers();
  }

  /** Writing and reading K and V. */
  default AttentionStages attention() {
    return stages().attention();
  }

  /** Encoding and retrieval. */
  default RetrievalStages retrieval() {
    return stages().retrieval();
  }

  /** What other methods select with. */
  default SelectionStages selection() {
    return stages().selection();
  }

  /** Product quantisation of keys. */
  default QuantizerStages quantizer() {
    return stages().quantizer();
  }

  /** Hashes of keys. */
  default HashStages hashes() {
    return stages().hashes();
  }

  /** An empty plan of memory for this backend, with what it takes itself. */
  default MemoryPlan plan() {
    return MemoryPlan.empty();
  }

  /** {@code plan} with the weights of a model of that many bytes. */
  default MemoryPlan planWeights(MemoryPlan plan, long bytes) {
    return plan.with("weights", bytes, MemoryPlace.MAPPED);
  }

  /**
   * {@code plan} with the K and V of {@code slots} sequences of {@code tokens} tokens.
   *
   * @param chunk most tokens of a prompt in one pass
   */
  default MemoryPlan planKv(MemoryPlan plan, KvShape shape, int slots, int tokens, int chunk,
      KvPlacement placement) {
    return plan.with("K and V", slots * shape.bytes(tokens));
  }

  /** {@code plan} with the caches that stores of so many {@code cachedRows} have. */
  default MemoryPlan planRowCache(MemoryPlan plan, KvShape shape, int slots, int cachedRows) {
    return plan;
  }

  /**
   * Prompt tokens of one pass unless the user says otherwise.
   *
   * @param exact whether no stage may round what it multiplies, so that engines can be compared; slower on
   *     a GPU
   */
  default int prefillChunk(boolean exact) {
    return 512;
  }

  /** What can still be allocated, and what of it a plan must leave free. */
  AvailableMemory available();

  /** Ends the backend's threads. Allocators, stores and indexes are closed by their owners before. */
  @Override
  void close();
}
