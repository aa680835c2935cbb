package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a {@link FakeDriver} does one after another: streams that do their work as late as they may, events, graphs of
 * what a stream was given while it was captured, and the handles of all these.
 */
abstract class FakeStreams extends FakeMemory {
  /** The code of a call that waits for the whole GPU, perhaps while another thread records. */
  static final int NOT_APART = 998;

  /** A stream: what it has not done yet, or what is being captured from it. */
  private static final class Stream {
    private final ArrayDeque<Runnable> pending = new ArrayDeque<>();
    private boolean capturing;
    private boolean invalid;
    private List<Runnable> captured = new ArrayList<>();
  }

  /** Where an event was recorded; whoever waits for the event waits for the last one before the wait. */
  private static final class Mark {
    private final Stream stream;
    private boolean reached;

    Mark(Stream stream) {
      this.stream = stream;
      this.reached = stream.capturing;
    }
  }

  private static final class Event {
    private @Nullable Mark mark;
  }

  private final Map<Long, Object> handles = new HashMap<>();
  private long nextHandle = 0x7000_0000_0001L; // wider than an int, so that a cut one shows

  /** The handle that is open, if it is only one. */
  long onlyHandle() {
    return handles.keySet().iterator().next();
  }

  /** Adds what is open, in words. */
  final void leakHandles(List<String> left) {
    handles.values().forEach(handle -> left.add(handle.getClass().getSimpleName()));
  }

  /** Ends what of that kind is open. */
  final void forget(Class<?> type) {
    handles.values().removeIf(type::isInstance);
  }

  /** Ends graphs that a failing call left. */
  void forgetGraphs() {
    forget(Graph.class);
  }

  /** A new handle; {@link #leakHandles} knows it until its {@link #end}. */
  long open(Object handle) {
    handles.put(nextHandle, handle);
    return nextHandle++;
  }

  <T> T handle(Class<T> type, long handle) {
    Object found = handles.get(handle);
    if (!type.isInstance(found)) {
      throw new IllegalArgumentException(type.getSimpleName() + " 0x" + Long.toHexString(handle)
          + " is " + (found == null ? "closed" : found));
    }
    return type.cast(found);
  }

  int end(Class<?> type, long handle) {
    handle(type, handle);
    handles.remove(handle);
    return 0;
  }

  @Override
  int enqueue(long handle, Runnable work) {
    Stream stream = handle(Stream.class, handle);
    if (stream.invalid) {
      return CudaException.CAPTURE_INVALIDATED;
    }
    if (stream.capturing) {
      stream.captured.add(work);
    } else {
      stream.pending.add(work);
    }
    return 0;
  }

  /** What a call of ours does that waits, or may wait, for the whole GPU; it must keep apart from recordings. */
  @Override
  int waitApart() {
    return Recordings.isApart() ? waitForAll() : NOT_APART;
  }

  /** What any wait for the whole GPU does: 0, or it fails and ends what is being captured, of whichever thread. */
  int waitForAll() {
    boolean capturing = false;
    for (Object handle : handles.values()) {
      if (handle instanceof Stream stream && stream.capturing) {
        stream.invalid = true;
        capturing = true;
      }
    }
    finish();
    return capturing ? 900 : 0;
  }

  private static void drain(Stream stream) {
    while (!stream.pending.isEmpty()) {
      stream.pending.remove().run();
    }
  }

  @Override
  void finish() {
    handles.values().forEach(handle -> {
      if (handle instanceof Stream stream) {
        drain(stream);
      }
    });
  }

  // ---- Streams and events

  int cuStreamCreate(MemorySegment stream, int flags) {
    return give(stream, open(new Stream()));
  }

  int cuStreamDestroy_v2(long stream) {
    drain(handle(Stream.class, stream));
    return end(Stream.class, stream);
  }

  int cuStreamSynchronize(long handle) {
    Stream stream = handle(Stream.class, handle);
    if (stream.capturing) {
      return 900;
    }
    drain(stream);
    return 0;
  }

  int cuStreamWaitEvent(long stream, long event, int flags) {
    Mark mark = handle(Event.class, event).mark;
    return enqueue(stream, () -> reach(mark));
  }

  private static void reach(@Nullable Mark mark) {
    while (mark != null && !mark.reached) {
      mark.stream.pending.remove().run();
    }
  }

  int cuEventCreate(MemorySegment event, int flags) {
    return give(event, open(new Event()));
  }

  int cuEventRecord(long event, long stream) {
    Mark mark = new Mark(handle(Stream.class, stream));
    handle(Event.class, event).mark = mark;
    return enqueue(stream, () -> mark.reached = true);
  }

  int cuEventSynchronize(long event) {
    reach(handle(Event.class, event).mark);
    return 0;
  }

  int cuEventElapsedTime_v2(MemorySegment milliseconds, long start, long end) {
    handle(Event.class, start);
    handle(Event.class, end);
    out(milliseconds, 4).set(JAVA_FLOAT, 0, 1.5f);
    return 0;
  }

  int cuEventDestroy_v2(long event) {
    return end(Event.class, event);
  }

  // ---- Graphs

  private record Graph(List<Runnable> work) {
  }

  private record Executable(List<Runnable> work) {
  }

  int cuStreamBeginCapture_v2(long handle, int mode) {
    Stream stream = handle(Stream.class, handle);
    stream.capturing = true;
    stream.captured = new ArrayList<>();
    return 0;
  }

  int cuStreamEndCapture(long handle, MemorySegment graph) {
    Stream stream = handle(Stream.class, handle);
    stream.capturing = false;
    if (stream.invalid) {
      stream.invalid = false;
      give(graph, 0L);
      return CudaException.CAPTURE_INVALIDATED;
    }
    return give(graph, open(new Graph(stream.captured)));
  }

  int cuGraphInstantiateWithFlags(MemorySegment executable, long graph, long flags) {
    return give(executable, open(new Executable(handle(Graph.class, graph).work)));
  }

  int cuGraphLaunch(long executable, long stream) {
    handle(Executable.class, executable).work.forEach(work -> enqueue(stream, work));
    return 0;
  }

  int cuGraphExecDestroy(long executable) {
    return end(Executable.class, executable);
  }

  int cuGraphDestroy(long graph) {
    return end(Graph.class, graph);
  }
}
