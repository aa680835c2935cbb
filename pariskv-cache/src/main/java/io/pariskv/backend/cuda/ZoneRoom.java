package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.MemorySegment;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Checks that buffers {@code [rows][kvHeads][capacity]} have room for what the budgets grant to each row of
 * a batch.
 *
 * <p>If they have room for every slot, that is all. If not, the batch's slots decide; they are on the GPU,
 * so inside a recorded step they cannot be asked. Kernels therefore stop at the capacity by themselves.
 */
record ZoneRoom(Kernels kernels, CudaKeyIndex index, Batch batch) {

  /** A buffer with an element for every key of the zone. */
  void requireKeys(String name, DType dtype, Buffer buffer) {
    require(name, dtype, buffer, this::keys);
  }

  /** A buffer with an element for every key that is reranked. */
  void requireCandidates(String name, DType dtype, Buffer buffer) {
    require(name, dtype, buffer, this::candidates);
  }

  /** A buffer with an element for every key that is attended. */
  void requireSelected(String name, DType dtype, Buffer buffer) {
    require(name, dtype, buffer, this::selected);
  }

  private int keys(int slot) {
    return index.budget(slot, 0);
  }

  private int candidates(int slot) {
    return Math.min(index.budget(slot, 1), keys(slot));
  }

  private int selected(int slot) {
    return Math.min(index.budget(slot, 2), candidates(slot));
  }

  private void require(String name, DType dtype, Buffer buffer, IntUnaryOperator need) {
    int needed = most(IntStream.range(0, index.budgets().shape().extent(0)), need);
    if (buffer.shape().rank() == 3 && buffer.shape().axis(2) < needed) {
      needed = kernels.context().isRecording() ? buffer.shape().extent(2) : most(slots(), need);
    }
    buffer.requireAtLeast(name, dtype, batch.rows(), index.shape().kvHeads(), needed);
  }

  private static int most(IntStream slots, IntUnaryOperator need) {
    return slots.map(need).max().orElse(0);
  }

  private IntStream slots() {
    int[] slots = new int[batch.rows()];
    kernels.ring().download(batch.slots().address(), MemorySegment.ofArray(slots));
    return IntStream.of(slots);
  }
}
