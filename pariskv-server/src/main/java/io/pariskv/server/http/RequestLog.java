package io.pariskv.server.http;

import java.util.function.Consumer;
import tools.jackson.databind.node.ObjectNode;

/** Takes what is written of requests: one JSON object each. Called by many threads. */
@FunctionalInterface
public interface RequestLog {
  /** Nothing is written. */
  RequestLog NONE = _ -> {
  };

  /** Writes one entry. */
  void write(ObjectNode entry);

  /** Lines of JSON, to be printed one at a time. */
  static RequestLog lines(Consumer<String> line) {
    return entry -> line.accept(Json.text(entry));
  }
}
