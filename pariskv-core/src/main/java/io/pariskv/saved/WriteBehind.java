package io.pariskv.saved;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;

/**
 * The chunks of a new file, one after another, written on another thread while the next are made: some tens of MiB in all.
 * One thread makes them.
 */
public final class WriteBehind implements AutoCloseable {
  private static final int CHUNKS = 3;

  private final CacheWriter writer;
  private final int chunks;
  private final Arena arena = Arena.ofShared();
  private final FileThread thread = new FileThread();
  /** In the order in which they can be filled again. */
  private final Deque<Future<CacheChunk>> free = new ArrayDeque<>();
  private @Nullable Future<Boolean> committed;
  private int next;

  /**
   * Begins to write a file beside the one that it will replace.
   *
   * @param tokens ids, {@code header.tokens()} or more
   * @throws io.pariskv.error.InputException if the place cannot be written, has too little room, or somebody else is
   *     writing the file
   */
  public WriteBehind(Path file, CacheHeader header, int[] tokens) {
    this.writer = CacheWriter.create(file, header, tokens);
    this.chunks = writer.layout().chunks();
    for (int i = 0; i < Math.min(CHUNKS, chunks); i++) {
      free.add(CompletableFuture.completedFuture(new CacheChunk(writer.layout(), arena)));
    }
  }

  /** Tokens of the chunks that have been given. */
  public int given() {
    return full() ? writer.layout().tokens() : writer.layout().start(next);
  }

  /** Whether all chunks have been given. */
  public boolean full() {
    return next == chunks;
  }

  /**
   * The next chunk, to be filled and given to {@link #write}; null if there is no memory for it after so long.
   *
   * @throws io.pariskv.error.InputException if an earlier one could not be written
   */
  public @Nullable CacheChunk next(Duration atMost) {
    CacheChunk chunk = FileThread.await(free.element(), atMost);
    if (chunk != null) {
      free.remove();
      chunk.become(next);
    }
    return chunk;
  }

  /** Takes the chunk that was handed out last. */
  public void write(CacheChunk chunk) {
    next++;
    free.add(thread.submit(() -> {
      writer.write(chunk);
      return chunk;
    }));
  }

  /**
   * Whether the file is complete and in its place, after so long at most; all chunks must have been given.
   *
   * @throws io.pariskv.error.InputException if it could not be written
   */
  public boolean committed(Duration atMost) {
    while (!free.isEmpty()) {
      if (FileThread.await(free.element(), atMost) == null) {
        return false;
      }
      free.remove();
    }
    Future<Boolean> commit = committed;
    if (commit == null) {
      commit = thread.submit(() -> {
        writer.commit();
        return true;
      });
      committed = commit;
    }
    return FileThread.await(commit, atMost) != null;
  }

  /** Frees the memory, and removes what was written unless it was complete. */
  @Override
  public void close() {
    try (writer) {
      thread.close();
      arena.close();
    }
  }
}
