package io.pariskv.backend.host;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Step;
import io.pariskv.backend.Stopwatch;
import io.pariskv.index.Coarse;
import io.pariskv.index.KeyIndex;
import io.pariskv.index.ZoneTable;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.MemorySegment;

/** What every CPU backend shares: host memory, and stages that are done when they return. */
public abstract class HostBackend implements Backend {

  /** For subclasses. */
  protected HostBackend() {
  }

  @Override
  public final Allocator newAllocator() {
    return new HostAllocator();
  }

  @Override
  public final KvStore newKvStore(KvShape shape, int slots, KvPlacement placement,
      int cachedRows) {
    return new HostKvStore(shape, slots);
  }

  @Override
  public final KeyIndex newKeyIndex(KvShape shape, int slots, Coarse coarse) {
    return new HostKeyIndex(shape, slots, coarse);
  }

  @Override
  public final ZoneTable newZoneTable(KvShape shape, int slots, DType dtype, int width,
      int tokensPerRow) {
    return new HostZoneTable(shape, slots, dtype, width, tokensPerRow);
  }

  @Override
  public final Buffer place(Buffer host, Allocator allocator) {
    return host;
  }

  @Override
  public final void upload(MemorySegment source, Buffer target) {
    copy(source, target.segment());
  }

  @Override
  public final void download(Buffer source, MemorySegment target) {
    copy(source.segment(), target);
  }

  private static void copy(MemorySegment source, MemorySegment target) {
    if (source.byteSize() != target.byteSize()) {
      throw new IllegalArgumentException(
          "cannot copy " + source.byteSize() + " bytes into " + target.byteSize());
    }
    target.copyFrom(source);
  }

  @Override
  public final Step record(Runnable body) {
    return body::run;
  }

  @Override
  public final Stopwatch newStopwatch() {
    return new HostStopwatch();
  }

  @Override
  public final AvailableMemory available() {
    return new AvailableMemory(HostMemory.availableBytes(), 0);
  }

  @Override
  public void close() {
    // Memory belongs to the allocators; a backend with threads ends them here.
  }
}
