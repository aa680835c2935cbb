package io.pariskv.cache;

import io.pariskv.attention.HeadTurn;
import io.pariskv.kv.Batch;
import io.pariskv.kv.RowFetches;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.method.MethodState;
import io.pariskv.method.SelectedKeys;
import io.pariskv.method.SelectedPlaces;
import io.pariskv.method.StepCost;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values of one sequence. Made by {@link CachePool#open}; closing frees its memory.
 *
 * <p>Prompt tokens go in with {@link #prefill}, chunk after chunk, with exact causal attention; then
 * {@link #step} takes one token at a time and attends what the pool's method selects. More prompt may
 * follow at any time. Not thread-safe.
 */
public final class KvCache implements AutoCloseable {
  private final CachePool pool;
  private final int slot;
  private TokenZones zones = TokenZones.dense(0);
  private int expected;
  private boolean closed;

  KvCache(CachePool pool, int slot) {
    this.pool = pool;
    this.slot = slot;
  }

  /**
   * The next {@code tokens} prompt tokens as one pass. Memory for them is reserved here.
   *
   * @throws IllegalArgumentException if {@code tokens} is below 1
   */
  public Rows prefill(int tokens) {
    return new Chunk(tokens);
  }

  /**
   * Says how long the sequence will be, so that every chunk makes room for the next one while it computes;
   * page-locking host memory takes a backend with offload 0.06 s a GiB. A shorter or longer sequence is no error.
   *
   * @param tokens all of the sequence's, those before included
   */
  public void expect(int tokens) {
    expected = tokens;
  }

  /**
   * Takes the next {@code tokens} tokens from another sequence of the pool, which has the same tokens so far, in place of
   * a {@link #prefill}: K and V are copied, and the method summarises them as those of a prompt. Both may go on as they
   * like afterwards. Memory for them is reserved here.
   *
   * @throws IllegalArgumentException if {@code source} has not so many tokens, or is of another pool
   */
  public void appendFrom(KvCache source, int tokens) {
    if (source.pool != pool || source.length() < length() + tokens) {
      throw new IllegalArgumentException("positions " + length() + " to " + (length() + tokens - 1)
          + " cannot be copied from a sequence of " + source.length() + " tokens"
          + (source.pool == pool ? "" : " of another pool"));
    }
    try (Chunk chunk = new Chunk(tokens)) {
      chunk.copy(source);
      chunk.commit();
    }
  }

  /** The next token of this sequence alone as one pass; use it again for every step. */
  public DecodeBatch step() {
    return pool.batch(List.of(this));
  }

  /**
   * Forgets every token from position {@code length} on, so that another continuation can follow. Keys
   * that stay are summarised anew, which costs about a hundredth of their prefill.
   *
   * @throws IllegalArgumentException if the sequence is shorter
   */
  public void truncate(int length) {
    if (length < 0 || length > zones.length()) {
      throw new IllegalArgumentException(
          "cannot cut a sequence of " + zones.length() + " tokens to " + length);
    }
    if (length < zones.length()) {
      zones = pool.state().truncated(slot(), length);
    }
  }

  /** Tokens of the sequence. */
  public int length() {
    return zones.length();
  }

  /** The zones now. */
  public TokenZones zones() {
    return zones;
  }

  /**
   * K and V of {@code tokens} tokens from position {@code from} on in one layer, as stored; {@link Rows#append} of the
   * same numbers in another sequence stores the same bits. Waits for all work before.
   *
   * @param k out, host memory, at least {@code [tokens][kvHeads][headDim]} of the pool's type
   * @param v out, the same
   * @throws IllegalArgumentException if the sequence has no such positions
   */
  public void read(int layer, int from, int tokens, MemorySegment k, MemorySegment v) {
    if (from < 0 || tokens < 0 || tokens > length() - from) {
      throw new IllegalArgumentException("positions " + from + " to " + ((long) from + tokens - 1)
          + " of a sequence of " + length() + " tokens cannot be read");
    }
    pool.kv().read(layer, slot(), from, tokens, k, v);
  }

  /** What the next decode step reads. */
  public StepCost stepCost() {
    return pool.state().cost(slot(), zones.appended(1));
  }

  /**
   * The same of a step that was seen to select so many keys.
   *
   * @param selected keys of the retrieval zone in the softmax of a head, mean over heads
   */
  public StepCost stepCost(double selected) {
    return pool.state().cost(slot(), zones.appended(1), selected);
  }

  /**
   * Where decode steps so far had selected rows from; nothing unless the pool has a cache of rows. Waits for all
   * work before.
   */
  public RowFetches fetches() {
    return pool.kv().fetches(slot());
  }

  /**
   * What decode steps in this sequence's place selected so far, if the method's budget adapts, else null; see {@link
   * io.pariskv.method.MethodState#selected}. Waits for all work before.
   */
  public @Nullable SelectedKeys selected() {
    return pool.state().selected(slot());
  }

  /**
   * Where the decode steps since the last prompt selected, if the pool's method is a {@link
   * io.pariskv.method.CountedMethod}, else null. Waits for all work before.
   */
  public @Nullable SelectedPlaces selectedPlaces() {
    return pool.state().selectedPlaces(slot(), zones);
  }

  CachePool pool() {
    return pool;
  }

  int slot() {
    if (closed) {
      throw new IllegalStateException("the cache of this sequence is closed");
    }
    return slot;
  }

  void reserve(int tokens) {
    pool.kv().reserve(slot(), Math.addExact(zones.length(), tokens));
  }

  /** Lets {@code state} summarise all keys, as a prompt's. */
  void summarise(MethodState state) {
    zones = state.truncated(slot, zones.length());
  }

  /** Takes back what a pass that was not committed did to the zones in the store. */
  void rollBack() {
    if (!closed && !pool.isClosed()) {
      pool.kv().setZones(slot, zones);
      pool.state().rolledBack(slot);
    }
  }

  void appended(int tokens, boolean prefill) {
    zones = pool.state().appended(slot(), zones.appended(tokens), prefill);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      pool.release(this, slot);
    }
  }

  /** A chunk of the prompt. */
  private final class Chunk implements Rows {
    private final int start;
    private final Batch batch;
    /** How many are appended. */
    private int layers;
    private boolean committed;

    Chunk(int tokens) {
      if (tokens < 1) {
        throw new IllegalArgumentException("a prefill of " + tokens + " tokens; at least 1 needed");
      }
      reserve(tokens);
      start = zones.length();
      batch = pool.describe(slot, start, tokens);
    }

    @Override
    public Batch batch() {
      return batch;
    }

    @Override
    public void begin() {
      pool.kv().setZones(slot(), zones.appended(batch.rows()));
    }

    @Override
    public void prepare(int layer, HeadTurn turn, Buffer q, Buffer k, Buffer v) {
      requireNext(layer);
      pool.backend().attention().preparation().prepareChunk(pool.kv(), layer, slot(), start, turn,
          q, k, v);
      appended(layer);
    }

    @Override
    public void append(int layer, Buffer k, Buffer v) {
      requireNext(layer);
      pool.backend().attention().append().appendChunk(pool.kv(), layer, slot(), start, k, v);
      appended(layer);
    }

    void copy(KvCache source) {
      begin();
      pool.kv().copy(source.slot(), slot(), start, start + batch.rows());
      for (int layer = 0; layer < pool.shape().layers(); layer++) {
        appended(layer);
      }
    }

    private void requireNext(int layer) {
      if (layer != layers) {
        throw new IllegalStateException(
            "layer " + layer + " of a chunk is appended where layer " + layers + " is next");
      }
    }

    /** The method may summarise the keys while the layer is attended. */
    private void appended(int layer) {
      layers++;
      pool.state().layerAppended(layer, slot(), zones.appended(batch.rows()));
    }

    @Override
    public void attend(int layer, Buffer q, Buffer out) {
      pool.backend().attention().prefill().attend(pool.kv(), layer, slot(), start, q, out);
    }

    @Override
    public void commit() {
      if (zones.length() != start) {
        throw new IllegalStateException(
            "a chunk that began at " + start + " is committed at " + zones.length());
      }
      KvCache.this.appended(batch.rows(), true);
      committed = true;
      reserve(Math.clamp((long) expected - zones.length(), 0, batch.rows()));
    }

    @Override
    public void close() {
      if (!committed) {
        rollBack();
      }
    }
  }
}
