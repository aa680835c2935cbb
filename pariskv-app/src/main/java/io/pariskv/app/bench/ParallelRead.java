package io.pariskv.app.bench;

import io.pariskv.memory.Allocator;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.ForkJoinTask;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * Reads memory with all cores and does next to nothing with it: the bandwidth that a decode step over
 * the same bytes can hope for. The memory is cut like K and V, in pieces of 2 MiB.
 */
final class ParallelRead implements AutoCloseable {
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
  private static final long PIECE = 2 << 20;

  private final Allocator memory = new HostAllocator();
  private final List<MemorySegment> pieces = new ArrayList<>();
  private final int threads = Runtime.getRuntime().availableProcessors();
  private final ForkJoinPool pool = new ForkJoinPool(threads);
  private int sink;

  ParallelRead(long bytes) {
    for (long done = 0; done < bytes; done += PIECE) {
      pieces.add(memory.allocate(DType.U8, PIECE).segment());
    }
  }

  long bytes() {
    return pieces.size() * PIECE;
  }

  void run() {
    AtomicInteger next = new AtomicInteger(); // or all would wait for the core that others disturb most
    List<ForkJoinTask<Integer>> tasks = new ArrayList<>();
    for (int thread = 0; thread < threads; thread++) {
      tasks.add(pool.submit(() -> readFrom(next)));
    }
    for (ForkJoinTask<Integer> task : tasks) {
      sink += task.join(); // kept, or the compiler drops the reads
    }
  }

  private int readFrom(AtomicInteger next) {
    int sum = 0;
    for (int i = next.getAndIncrement(); i < pieces.size(); i = next.getAndIncrement()) {
      sum += sum(pieces.get(i));
    }
    return sum;
  }

  private static int sum(MemorySegment piece) {
    int bytes = INTS.vectorByteSize();
    IntVector a = IntVector.zero(INTS);
    IntVector b = a;
    IntVector c = a;
    IntVector d = a;
    for (int i = 0; i < (int) PIECE; i += 4 * bytes) {
      a = a.add(IntVector.fromMemorySegment(INTS, piece, i, ByteOrder.LITTLE_ENDIAN));
      b = b.add(IntVector.fromMemorySegment(INTS, piece, i + bytes, ByteOrder.LITTLE_ENDIAN));
      c = c.add(IntVector.fromMemorySegment(INTS, piece, i + 2 * bytes, ByteOrder.LITTLE_ENDIAN));
      d = d.add(IntVector.fromMemorySegment(INTS, piece, i + 3 * bytes, ByteOrder.LITTLE_ENDIAN));
    }
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }

  @Override
  public void close() {
    pool.shutdown();
    memory.close();
    if (sink == Integer.MIN_VALUE) {
      throw new IllegalStateException("memory of zeros has a sum of " + sink);
    }
  }
}
