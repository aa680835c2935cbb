package io.pariskv.engine;

import io.pariskv.error.InputException;
import io.pariskv.generate.ModelRunner;
import io.pariskv.generate.SequenceTransfer;
import io.pariskv.saved.CacheReader;
import io.pariskv.saved.SavedCache;
import io.pariskv.saved.SavedCaches;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The requests whose K and V come from a file, or go to one: a chunk of each in a turn, as far as the files have come, so
 * that nobody waits for a disk. On the engine's thread.
 */
final class Transfers implements AutoCloseable {
  /** Fewer tokens are as soon computed. */
  private static final int LEAST = 64;
  /** For a file when there is nothing else to do. */
  private static final Duration IDLE = Duration.ofMillis(20);

  private final ModelRunner runner;
  private final @Nullable SavedCaches saved;
  private final Map<Running, Transfer> open = new LinkedHashMap<>();

  /** @param from the file that rows come from, null if they go to one */
  private record Transfer(SequenceTransfer rows, @Nullable SavedCache from) {
  }

  /** What has become of one in a turn. */
  enum State {
    /** There is more to move. */
    MOVING,
    /** The sequence has what the file had for it. */
    LOADED,
    /** The file is complete. */
    SAVED
  }

  /** @param saved files that prompts may begin with, if there are any */
  Transfers(ModelRunner runner, @Nullable SavedCaches saved) {
    this.runner = runner;
    this.saved = saved;
  }

  Set<Running> all() {
    return open.keySet();
  }

  /**
   * Begins to load what a file has of a prompt beyond what the sequence has; without effect if that is not worth it.
   *
   * @throws InputException if the file was asked for and cannot be used; else it is not used any more
   */
  boolean load(Running running) {
    int[] prompt = running.request().prompt();
    CacheTask task = running.request().task();
    boolean asked = task instanceof CacheTask.Load;
    SavedCache cache = task instanceof CacheTask.Load(SavedCache given)
        ? given
        : saved == null ? null : saved.match(prompt);
    if (cache == null) {
      return false;
    }
    int length = asked ? prompt.length : Math.min(cache.commonPrefix(prompt), prompt.length - 1);
    if (length - running.sequence().length() < (asked ? 1 : LEAST)) {
      return false;
    }
    try {
      CacheReader reader = CacheReader.open(cache.file());
      open.put(running,
          new Transfer(runner.load(running.sequence(), reader, length), cache));
      return true;
    } catch (InputException e) {
      cannotUse(cache, e);
      if (asked) {
        throw e;
      }
      return false;
    }
  }

  private void cannotUse(SavedCache cache, InputException why) {
    if (saved != null) {
      saved.cannotUse(cache, String.valueOf(why.getMessage()));
    }
  }

  /**
   * Begins to save what the sequence has.
   *
   * @throws InputException if the file cannot be written
   */
  void save(Running running, CacheTask.Save task, double prefillSeconds) {
    open.put(running, new Transfer(
        runner.save(running.sequence(), task.file(), false, prefillSeconds), null));
  }

  /**
   * Moves a chunk.
   *
   * @param idle whether the engine has nothing else to do
   * @throws InputException if a file that was asked for cannot be used; the rows of another one that is damaged are computed
   *     from there on
   */
  State advance(Running running, boolean idle) {
    Transfer transfer = open.get(running);
    if (transfer == null) {
      throw new IllegalStateException("nothing is moved for this request");
    }
    try {
      if (!transfer.rows.advance(idle ? IDLE : Duration.ZERO)) {
        return State.MOVING;
      }
    } catch (InputException e) {
      if (transfer.from != null) {
        cannotUse(transfer.from, e);
      }
      if (running.request().task() != null) {
        throw e;
      }
    }
    end(running);
    if (transfer.from != null) {
      return State.LOADED;
    }
    if (saved != null) {
      saved.all(); // the new one among them
    }
    return State.SAVED;
  }

  /** Moves no more for a request; without effect if nothing is moved. */
  void end(Running running) {
    Transfer transfer = open.remove(running);
    if (transfer != null) {
      transfer.rows.close();
    }
  }

  @Override
  public void close() {
    List.copyOf(open.keySet()).forEach(this::end);
  }
}
