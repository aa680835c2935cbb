package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.index.BucketLists;
import io.pariskv.index.HashIndex;
import io.pariskv.index.SimHash;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.AddressTables;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.memory.TokenSlabs;
import java.util.stream.IntStream;

/**
 * Attends keys that are sampled by locality-sensitive hashing, weighted by how likely that was (MagicPIG, arXiv
 * 2410.16179). See {@code docs/methods/magicpig.md}.
 *
 * <p>Before the first step after a prompt the mean of the keys between sink and window is found, and the keys are hashed
 * from it; then it stays. In a step every query head attends the keys that share at least two of its hash
 * tables' buckets, in one softmax with the sink, the recent tokens and the token itself. How many is left to chance.
 *
 * @param zones the zones
 * @param hash the hash tables
 * @param indexGenerated whether the window slides over generated tokens, which are then hashed; else all of them are attended
 * @param denseEvery of so many layers the first attends everything, up to layer {@link #LAST_DENSE}; 0 for none
 * @param k keys that the tables were chosen to sample, about; 0 if they were chosen otherwise
 */
public record MagicPig(ZoneSettings zones, SimHash hash, boolean indexGenerated, int denseEvery,
    int k) implements AttentionMethod {
  /** Bits of a table of {@link #matched}. */
  public static final int MATCHED_BITS = 11;

  /** The last layer that attends everything: the released code names layers 0, 16, 32, 48 and 64. */
  public static final int LAST_DENSE = 64;

  /** For {@link #matched} where the context is not known. */
  private static final int USUAL_CONTEXT = 32_768;

  /** Checks the settings; the message names the setting as the command line does, and both numbers. */
  public MagicPig {
    ZoneSettings.requireAtLeast("dense-every", denseEvery, 0);
    ZoneSettings.requireAtLeast("k", k, 0);
  }

  /** With tables that were not chosen by a number of keys. */
  public MagicPig(ZoneSettings zones, SimHash hash, boolean indexGenerated, int denseEvery) {
    this(zones, hash, indexGenerated, denseEvery, 0);
  }

  /**
   * The settings of the released code: a sink of 4 and a window of 64 tokens of the prompt, 150 tables of 10 bits, all
   * generated tokens attended, layers 0, 16, 32, 48 and 64 dense. If generated tokens are hashed after all,
   * then 256 at a time, as many as its buffer has.
   */
  public static MagicPig released() {
    return new MagicPig(new ZoneSettings(4, 64, 256, 0), new SimHash(10, 150), false, 16);
  }

  /**
   * Comparable with ParisKV: its zones, no dense layers, generated tokens are hashed, and about {@code k} keys
   * sampled.
   *
   * @param context tokens that a sequence may have; 0 if not known
   */
  public static MagicPig matched(int k, int context) {
    return new MagicPig(ZoneSettings.matched(), hashFor(MATCHED_BITS, k, context), true, 0, k);
  }

  /**
   * As few tables as are expected to sample {@code k} keys of a context.
   *
   * @param context tokens that a sequence may have; 0 if not known
   */
  public static SimHash hashFor(int bits, int k, int context) {
    ZoneSettings.requireAtLeast("k", k, 1);
    ZoneSettings zones = ZoneSettings.matched();
    int keys = (context > 0 ? context : USUAL_CONTEXT) - zones.sink() - zones.local();
    SimHash hash = new SimHash(bits, SimHash.COLLISIONS);
    while (hash.tables() < SimHash.MOST_TABLES && expected(hash, Math.max(1, keys)) < k) {
      hash = new SimHash(bits, hash.tables() + 1);
    }
    return hash;
  }

  /**
   * Keys that are sampled, about: twice as many as of keys at a right angle to the query, which is what its authors
   * report for tables of 10 and 11 bits (their table 9). What a model does differs; {@code eval retrieval} counts.
   */
  static double expected(SimHash hash, int keys) {
    return Math.min(keys, 2 * hash.probability(0) * keys);
  }

  @Override
  public String name() {
    return "magicpig";
  }

  @Override
  public void check(KvShape shape) {
    // Nothing to refuse: any geometry that can be stored can be hashed.
  }

  @Override
  public MagicPig withoutDenseLayers() {
    return new MagicPig(zones, hash, indexGenerated, 0, k);
  }

  @Override
  public MemoryPlan plan(MemoryPlan plan, KvShape shape, int slots, int tokens) {
    int tokensPerRow = TokenSlabs.SLAB_TOKENS;
    KvShape hashed = shape.keptExcept(this::dense);
    MemoryPlan whole = AddressTables.planIndex(plan, shape, slots, 2)
        .with("hashes of keys",
            slots * (ZoneTable.bytes(hashed, DType.I32, HashIndex.width(hash), tokensPerRow, tokens)
                + ZoneTable.bytes(hashed, DType.F32, shape.headDim(), tokensPerRow, 1)))
        .with("hash planes",
            (long) Float.BYTES * ((long) shape.headDim() * hash.stride() + SimHash.INTERVALS + 1))
        .with("selection scratch",
            slots * MagicPigSelector.bytes(shape, SelectingState.bucket(tokens)));
    long lists = (long) slots * sampledLayers(shape).length * shape.kvHeads()
        * BucketLists.bytes(hash, tokens);
    return lists == 0 || plan.work() == MemoryPlace.GPU
        ? whole
        : whole.with("lists of buckets", lists); // not on the scalar backend, which compares bits
  }

  /** The zones: as the settings say, over generated tokens only if they are hashed. */
  TokenZones slide(TokenZones now, boolean prefill) {
    return prefill || indexGenerated ? zones.slide(now, prefill) : now;
  }

  /** Whether a layer attends everything. */
  boolean dense(int layer) {
    return denseEvery > 0 && layer % denseEvery == 0 && layer <= LAST_DENSE;
  }

  /** The layers that are sampled: neither dense nor with a sliding window. */
  public int[] sampledLayers(KvShape shape) {
    return IntStream.range(0, shape.layers())
        .filter(layer -> shape.window(layer) == 0 && !dense(layer)).toArray();
  }

  /** Keys that a query head samples, as expected. */
  double expected(TokenZones zones) {
    return expected(hash, zones.retrievalTokens());
  }

  /**
   * What a step reads. A sampled key is read twice, for its weight and to be attended, and by every head for itself.
   *
   * @param sampled keys that a query head samples
   * @param lists whether buckets are looked up, else all bits are compared
   */
  StepCost cost(KvShape shape, TokenZones zones, double sampled, boolean lists) {
    int keys = zones.retrievalTokens();
    double read = 1.5 * Math.min(sampled * shape.groupSize(), keys);
    int listed = lists ? BucketLists.listed(hash, keys) : 0;
    long bytes = (long) shape.kvHeads() * (keys - listed) * hash.planes() / Byte.SIZE
        + (lists ? shape.heads() * BucketLists.read(hash, keys) : 0);
    return Costs.of(shape, zones.length(), layer -> dense(layer)
        ? new Costs.Layer(zones.length(), zones.length(), 0)
        : new Costs.Layer(zones.residentTokens() + (int) Math.round(sampled),
            zones.residentTokens() + read, bytes));
  }

  @Override
  public MagicPigState open(Backend backend, KvStore kv) {
    return MagicPigState.open(this, backend, kv);
  }
}
