package io.pariskv.server.http;

import com.sun.net.httpserver.HttpExchange;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/**
 * Reads bodies of requests, up to a size each and up to a size together: what many clients send at once must not fill the
 * heap. Who finds no room waits a little, and is then told to come later.
 */
final class BodyReader {
  private static final int KIB = 1 << 10;
  private static final int FIRST = 64 * KIB;
  private static final int MOST_DRAINED = 8 << 20;

  private final HttpLimits limits;
  private final StallWatch watch;
  /** KiB that may still be read. */
  private final Semaphore room;

  /** A body, and the room it takes until it is released. */
  final class Body {
    private byte[] bytes = {};
    private int length;
    private int held;

    byte[] bytes() {
      return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
    }

    private void grow(int capacity) {
      int more = Math.ceilDiv(capacity, KIB) - held;
      if (more > 0) {
        acquire(more);
        held += more;
      }
      bytes = Arrays.copyOf(bytes, capacity);
    }

    void release() {
      room.release(held);
      held = 0;
      bytes = new byte[0];
      length = 0;
    }
  }

  BodyReader(HttpLimits limits, StallWatch watch) {
    this.limits = limits;
    this.watch = watch;
    this.room = new Semaphore(2 * Math.ceilDiv(limits.bodyBytes(), KIB), true);
  }

  /**
   * Reads the body of a request.
   *
   * @throws ApiException if it is too large, or there is no room
   * @throws ClientGoneException if it does not come
   */
  Body read(HttpExchange http) throws IOException {
    InputStream in = http.getRequestBody();
    String declared = http.getRequestHeaders().getFirst("Content-Length");
    long length = declared == null ? -1 : Long.parseLong(declared); // the JDK's server has checked it
    if (length > limits.bodyBytes()) {
      throw refused(in);
    }
    Body body = new Body();
    try {
      fill(body, in, length);
      return body;
    } catch (IOException | RuntimeException e) {
      body.release();
      throw e;
    }
  }

  /** @param length of the body, or -1 if it is not known */
  private void fill(Body body, InputStream in, long length) throws IOException {
    body.grow(length >= 0 ? (int) length : Math.min(FIRST, limits.bodyBytes()));
    while (body.length != length) {
      if (body.length == body.bytes.length) {
        if (body.length == limits.bodyBytes()) {
          if (watch.during(in::read) < 0) {
            return;
          }
          throw refused(in);
        }
        body.grow((int) Math.min(2L * body.length, limits.bodyBytes()));
      }
      int n = watch.during(() -> in.read(body.bytes, body.length, body.bytes.length - body.length));
      if (n < 0) {
        return;
      }
      body.length += n;
    }
  }

  /** A connection that is closed with bytes unread may take the reply with it: read some of them first. */
  private ApiException refused(InputStream in) throws IOException {
    byte[] ignored = new byte[FIRST];
    int drained = 0;
    for (int n = 0; n >= 0 && drained < MOST_DRAINED; drained += n) {
      n = watch.during(() -> in.read(ignored));
    }
    return ApiException.tooLarge(limits.bodyBytes());
  }

  private void acquire(int kib) {
    try {
      if (room.tryAcquire(kib, limits.stall().toMillis(), TimeUnit.MILLISECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    throw ApiException.unavailable("busy",
        "other requests' bodies take all the room there is; try again later");
  }
}
