package io.pariskv.server.live;

import io.pariskv.engine.ContextAttention;
import io.pariskv.engine.Engine;
import io.pariskv.server.http.Exchange;
import io.pariskv.server.model.ServedModel;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The requests that run, and for two minutes those that ended last, by the ids of their exchanges. Thread-safe; nobody waits
 * under its lock.
 */
public final class LiveRequests {
  private static final Duration KEPT = Duration.ofMinutes(2);
  private static final int MOST_ENDED = 64;

  private final Map<String, LiveRequest> running = new LinkedHashMap<>();
  /** In the order in which they ended. */
  private final Map<String, LiveRequest> ended = new LinkedHashMap<>();

  /** No requests. */
  public LiveRequests() {
  }

  /**
   * A request of somebody's.
   *
   * @param key which key it came with, see {@link Exchange#key}
   * @param ticket while it runs
   * @param last how it was at last, once it has ended
   * @param endedAt by {@link System#nanoTime}
   */
  record LiveRequest(ServedModel model, int key, Engine.@Nullable Ticket ticket,
      @Nullable ContextAttention last, long endedAt) {

    /** As it is now; null if its engine does not tell. */
    @Nullable
    ContextAttention attention(Duration atMost) {
      return ticket == null ? last : ticket.attention(atMost);
    }
  }

  /** A request was taken by its engine; {@link #ended} follows. */
  public synchronized void started(Exchange exchange, ServedModel model, Engine.Ticket ticket) {
    running.put(exchange.id(), new LiveRequest(model, exchange.key(), ticket, null, 0));
  }

  /** A request has ended. What it holds of its prompt is free. */
  public void ended(Exchange exchange) {
    LiveRequest before = find(exchange.id());
    ContextAttention last = before == null ? null : before.attention(Duration.ZERO);
    synchronized (this) {
      running.remove(exchange.id());
      if (before != null && last != null) {
        long now = System.nanoTime();
        ended.put(exchange.id(),
            new LiveRequest(before.model(), before.key(), null, last, now));
        forgetOld(now);
      }
    }
  }

  private void forgetOld(long now) {
    Iterator<LiveRequest> oldest = ended.values().iterator();
    boolean old = true;
    while (old && oldest.hasNext()) {
      old = now - oldest.next().endedAt() > KEPT.toNanos() || ended.size() > MOST_ENDED;
      if (old) {
        oldest.remove();
      }
    }
  }

  /** The request of an exchange; null if it is not known any more. */
  synchronized @Nullable LiveRequest find(String exchangeId) {
    LiveRequest found = running.get(exchangeId);
    if (found == null) {
      found = ended.get(exchangeId);
      if (found != null && System.nanoTime() - found.endedAt() > KEPT.toNanos()) {
        return null;
      }
    }
    return found;
  }
}
