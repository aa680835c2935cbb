package io.pariskv.method;

import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.Retrieval;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An attention method at work on one {@code KvStore}: what it keeps about the keys, and how a decode
 * step attends. Prefill is always exact causal attention and does not come here. One driving thread.
 */
public interface MethodState extends AutoCloseable {

  /**
   * Takes note that a decode step of {@code slot} follows, on the host side, before {@link #prepare} of each: what needs
   * all keys of a prompt is done before the first.
   *
   * @param zones the zones of the tokens so far
   */
  default void beforeStep(int slot, TokenZones zones) {
    // Nothing was put off.
  }

  /**
   * Prepares scratch memory for decode steps of these sequences, on the host side, before a step runs
   * or is recorded.
   *
   * @param zones zones of the batch's sequences
   * @return a number that changes when a recorded step must be recorded again
   */
  long prepare(List<TokenZones> zones);

  /**
   * Whether the step last prepared for may be recorded; false if {@link #attend} reads something back to the host,
   * as a probe does.
   */
  default boolean recordable() {
    return true;
  }

  /**
   * Attends one new token of each sequence, in stream order; K and V are appended already.
   *
   * @param q {@code [rows][heads][headDim] f32}
   * @param out {@code [rows][heads][headDim] f32}
   */
  void attend(int layer, Batch batch, Buffer q, Buffer out);

  /**
   * Takes note that a chunk of a prompt was appended to {@code slot} in one layer, in stream order: may summarise
   * its keys while the next layer computes. Counts only once {@link #appended} follows with the same zones;
   * until then {@link #rolledBack} undoes it.
   *
   * @param zones the zones with the new tokens in the update buffer
   */
  default void layerAppended(int layer, int slot, TokenZones zones) {
    // All is done when the chunk is committed.
  }

  /** Takes back what was done for tokens of {@code slot} that do not stay; the store has its zones again. */
  default void rolledBack(int slot) {
    // Nothing was done.
  }

  /**
   * Takes note that tokens were appended to {@code slot} in all layers: may summarise keys and move
   * the zones.
   *
   * @param zones the zones with the new tokens in the update buffer
   * @param prefill whether they came from a prompt, so that the window slides at once
   * @return the zones from now on, already written to the store
   */
  TokenZones appended(int slot, TokenZones zones, boolean prefill);

  /**
   * Takes note that {@code slot} was cut to its first tokens: what was kept about its keys is made anew.
   *
   * @param length tokens that remain
   * @return the zones from now on, already written to the store
   */
  TokenZones truncated(int slot, int length);

  /** How the steps last prepared for retrieve, for people who time it; null if they attend everything. */
  default @Nullable Retrieval retrieval() {
    return null;
  }

  /** Whether {@link #attend} of {@code layer} attends every token, whatever the zones. */
  default boolean dense(int layer) {
    return false;
  }

  /**
   * The positions that the last {@link #attend} of a layer chose, for each KV head or for each query head; for people
   * who ask how good the choice was. The memory is used again by the next layer. Null if the method chooses
   * nothing, or the sequences are attended whole.
   */
  default @Nullable Selection selection() {
    Retrieval retrieval = retrieval();
    return retrieval == null ? null : retrieval.selection();
  }

  /**
   * What decode steps of {@code slot} selected so far, if that is not what {@link #cost} says, else null. Waits for all work
   * before, so it is for who wants to know, not for every step. It does not begin anew with a sequence: take the
   * difference.
   */
  default @Nullable SelectedKeys selected(int slot) {
    return null;
  }

  /**
   * Where the decode steps of {@code slot} selected, since its last tokens that came from a prompt, if that is counted, else
   * null. Waits for all work before; not inside a recorded step.
   *
   * @param zones the zones now
   */
  default @Nullable SelectedPlaces selectedPlaces(int slot, TokenZones zones) {
    return null;
  }

  /**
   * What one decode step of {@code slot} over {@code zones} reads, in all layers together; with a budget that adapts the
   * most.
   *
   * @param slot a sequence, since how much is selected of it may have been settled at its prompt's end
   */
  StepCost cost(int slot, TokenZones zones);

  /**
   * The same of a step that was seen to select so many keys, where their number is left to chance or adapts; other methods
   * say what they say anyway.
   *
   * @param selected keys of the retrieval zone in the softmax of a head, mean over heads
   */
  default StepCost cost(int slot, TokenZones zones, double selected) {
    return cost(slot, zones);
  }

  /** Bytes kept about keys now, K and V themselves left out. */
  long bytes();

  /** How much of {@link #bytes} is host memory beside that of the backend. */
  default long hostBytes() {
    return 0;
  }

  /** Forgets {@code slot}. */
  void release(int slot);

  @Override
  void close();
}
