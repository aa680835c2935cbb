package io.pariskv.server.http;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * A reply that is written bit by bit, each of which goes out at once. Not thread-safe.
 *
 * <p>All methods throw {@link ClientGoneException} once the client has gone. A system notices that at the second write after
 * it, so heartbeats are what tells, whoever else is silent.
 */
public final class OpenReply {
  private final Exchange exchange;
  private final String contentType;
  private final byte[] heartbeat;
  private @Nullable OutputStream out;

  OpenReply(Exchange exchange, String contentType, byte[] heartbeat) {
    this.exchange = exchange;
    this.contentType = contentType;
    this.heartbeat = heartbeat;
  }

  /** Whether the client has a status already. */
  public boolean started() {
    return out != null;
  }

  /** Writes a bit. */
  public void send(String text) throws IOException {
    send(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Shows both sides that the other is there. */
  public void beat() throws IOException {
    send(heartbeat);
  }

  /** The reply is complete. */
  public void end() throws IOException {
    exchange.finish(opened());
  }

  private void send(byte[] bytes) throws IOException {
    exchange.write(opened(), bytes);
  }

  private OutputStream opened() throws IOException {
    OutputStream opened = out;
    if (opened == null) {
      opened = exchange.start(200, contentType, 0);
      out = opened;
    }
    return opened;
  }
}
