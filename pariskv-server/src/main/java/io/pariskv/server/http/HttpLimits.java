package io.pariskv.server.http;

import io.pariskv.error.InputException;
import java.time.Duration;

/**
 * What one client may take of the server.
 *
 * @param bodyBytes most bytes of a request's body; twice as many are read at once for all clients together
 * @param stall longest time for which a client may leave the server waiting in the middle of a body or of a reply; its
 *     connection is closed then
 * @param heartbeat longest silence of a reply that is not complete: then a byte or two go out which mean nothing, and
 *     show whether the client is still there
 */
public record HttpLimits(int bodyBytes, Duration stall, Duration heartbeat) {
  private static final int MOST_BODY_BYTES = 256 << 20;

  /** 16 MiB, thirty seconds, and half a second: a client that has gone is noticed within one. */
  public static final HttpLimits DEFAULTS = new HttpLimits(16 << 20, Duration.ofSeconds(30),
      Duration.ofMillis(500));

  /** Checks the ranges. */
  public HttpLimits {
    if (bodyBytes < 1 || bodyBytes > MOST_BODY_BYTES) {
      throw new InputException(
          "a body of " + bodyBytes + " bytes as limit must be from 1 to " + MOST_BODY_BYTES);
    }
    if (!stall.isPositive() || !heartbeat.isPositive()) {
      throw new InputException(
          "times must be above zero, not stall " + stall + " and heartbeat " + heartbeat);
    }
  }
}
