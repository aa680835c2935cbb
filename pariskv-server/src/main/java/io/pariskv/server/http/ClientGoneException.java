package io.pariskv.server.http;

import java.io.IOException;

/** The client has closed its connection, or takes nothing from it any more. */
public final class ClientGoneException extends IOException {
  private static final long serialVersionUID = 1L;

  ClientGoneException(IOException cause) {
    super("the client has gone", cause);
  }
}
