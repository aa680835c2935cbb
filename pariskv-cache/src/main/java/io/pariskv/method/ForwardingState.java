package io.pariskv.method;

import io.pariskv.kv.Batch;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.retrieve.Retrieval;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A method at work that does what another one does, but for what it overrides; closing closes the other one. */
public interface ForwardingState extends MethodState {

  /** The other one. */
  MethodState state();

  @Override
  default void beforeStep(int slot, TokenZones zones) {
    state().beforeStep(slot, zones);
  }

  @Override
  default long prepare(List<TokenZones> zones) {
    return state().prepare(zones);
  }

  @Override
  default boolean recordable() {
    return state().recordable();
  }

  @Override
  default void attend(int layer, Batch batch, Buffer q, Buffer out) {
    state().attend(layer, batch, q, out);
  }

  @Override
  default void layerAppended(int layer, int slot, TokenZones zones) {
    state().layerAppended(layer, slot, zones);
  }

  @Override
  default void rolledBack(int slot) {
    state().rolledBack(slot);
  }

  @Override
  default TokenZones appended(int slot, TokenZones zones, boolean prefill) {
    return state().appended(slot, zones, prefill);
  }

  @Override
  default TokenZones truncated(int slot, int length) {
    return state().truncated(slot, length);
  }

  @Override
  default @Nullable Retrieval retrieval() {
    return state().retrieval();
  }

  @Override
  default boolean dense(int layer) {
    return state().dense(layer);
  }

  @Override
  default @Nullable Selection selection() {
    return state().selection();
  }

  @Override
  default @Nullable SelectedKeys selected(int slot) {
    return state().selected(slot);
  }

  @Override
  default @Nullable SelectedPlaces selectedPlaces(int slot, TokenZones zones) {
    return state().selectedPlaces(slot, zones);
  }

  @Override
  default StepCost cost(int slot, TokenZones zones) {
    return state().cost(slot, zones);
  }

  @Override
  default StepCost cost(int slot, TokenZones zones, double selected) {
    return state().cost(slot, zones, selected);
  }

  @Override
  default long bytes() {
    return state().bytes();
  }

  @Override
  default long hostBytes() {
    return state().hostBytes();
  }

  @Override
  default void release(int slot) {
    state().release(slot);
  }

  @Override
  default void close() {
    state().close();
  }
}
