package io.pariskv.retrieve;

import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.memory.Buffer;
import java.util.List;

/**
 * The retrieval of one decode step, query to positions: the paper's figure as one call, with the scratch
 * memory that its parts pass on.
 *
 * <p>It selects what the stages of this package select one after another, bit for bit; a backend may do so
 * in fewer {@linkplain #parts parts}. Stream order, one driving thread.
 */
public interface Retrieval extends AutoCloseable {

  /** What it has room for. */
  RetrievalSize size();

  /** Names of what a step does one after another, for people who time it. */
  List<String> parts();

  /**
   * Runs one part; the parts before it must have run for the same arguments.
   *
   * @param part index in {@link #parts}
   */
  void run(int part, int layer, Batch batch, Buffer q);

  /** Where the last part leaves the positions. */
  Selection selection();

  /**
   * All parts.
   *
   * @param q {@code [rows][heads][headDim] f32}, after RoPE
   * @return {@link #selection}, valid until the next step
   */
  default Selection retrieve(int layer, Batch batch, Buffer q) {
    for (int part = 0; part < parts().size(); part++) {
      run(part, layer, batch, q);
    }
    return selection();
  }

  /** Bytes of scratch memory it holds. */
  long bytes();

  @Override
  void close();
}
