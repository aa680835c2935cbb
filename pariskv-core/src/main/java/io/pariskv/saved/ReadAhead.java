package io.pariskv.saved;

import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * The chunks of a file, one after another, read and checked on another thread a few ahead of who takes them: some tens of
 * MiB in all. One thread takes.
 */
public final class ReadAhead implements AutoCloseable {
  private static final int CHUNKS = 3;

  private final CacheReader reader;
  private final int end;
  private final Arena arena = Arena.ofShared();
  private final FileThread thread = new FileThread();
  private final Deque<Future<CacheChunk>> ahead = new ArrayDeque<>();
  private int next;

  /**
   * Begins to read.
   *
   * @param from the first position that is wanted
   * @param to the last one, exclusive
   */
  public ReadAhead(CacheReader reader, int from, int to) {
    this.reader = reader;
    int tokens = reader.layout().chunkTokens();
    this.next = from / tokens;
    this.end = Math.ceilDiv(to, tokens);
    for (int i = 0; i < CHUNKS && next < end; i++) {
      read(new CacheChunk(reader.layout(), arena));
    }
  }

  private void read(CacheChunk into) {
    if (next < end) {
      int chunk = next++;
      ahead.add(thread.submit(() -> {
        reader.read(chunk, into);
        return into;
      }));
    }
  }

  /**
   * The next chunk, or null if it is not there after so long; {@link #done} with it gives its memory back.
   *
   * @throws io.pariskv.error.InputException if it cannot be read, or is damaged
   */
  public @Nullable CacheChunk next(Duration atMost) {
    CacheChunk chunk = FileThread.await(ahead.element(), atMost);
    if (chunk != null) {
      ahead.remove();
    }
    return chunk;
  }

  /** The chunk that was taken last is not needed any more. */
  public void done(CacheChunk chunk) {
    read(chunk);
  }

  /** Frees the memory; the reader stays open. */
  @Override
  public void close() {
    thread.close();
    arena.close();
  }
}
