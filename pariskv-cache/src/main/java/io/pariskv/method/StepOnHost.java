package io.pariskv.method;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.ValueLayout;

/** The rows of a decode step in host memory: queries that came there, and outputs that go back. */
final class StepOnHost implements AutoCloseable {
  private final Allocator memory;
  private final Batch batch;
  private final Buffer q;
  private final Buffer out;

  StepOnHost(Backend host, KvShape shape, int rows) {
    memory = host.newAllocator();
    batch = new Batch(rows, memory.allocate(DType.I32, rows), memory.allocate(DType.I32, rows));
    q = memory.allocate(DType.F32, rows, shape.heads(), shape.headDim());
    out = memory.allocate(DType.F32, rows, shape.heads(), shape.headDim());
  }

  /** Bytes of a sequence's row. */
  static long bytes(KvShape shape) {
    return 2L * Float.BYTES * shape.heads() * shape.headDim() + 2L * Integer.BYTES;
  }

  /** Slots and positions of the rows. */
  Batch batch() {
    return batch;
  }

  int slot(int row) {
    return batch.slots().segment().getAtIndex(ValueLayout.JAVA_INT, row);
  }

  int position(int row) {
    return batch.positions().segment().getAtIndex(ValueLayout.JAVA_INT, row);
  }

  /** {@code [rows][heads][headDim] f32}. */
  Buffer q() {
    return q;
  }

  /** {@code [rows][heads][headDim] f32}. */
  Buffer out() {
    return out;
  }

  /** Waits for all work of {@code near} before and fetches which sequences the rows are of. */
  void fetchSlots(Backend near, Batch of) {
    near.download(of.slots(), batch.slots().segment());
  }

  /** Waits for all work of {@code near} before and fetches the queries of a layer. */
  void fetchQueries(Backend near, Buffer from) {
    near.download(from, q.segment());
  }

  /** Brings the outputs back, in stream order. */
  void giveBack(Backend near, Buffer to) {
    near.upload(out.segment(), to);
  }

  long bytes() {
    return memory.allocatedBytes();
  }

  @Override
  public void close() {
    memory.close();
  }
}
