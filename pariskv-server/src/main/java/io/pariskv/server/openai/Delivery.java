package io.pariskv.server.openai;

import io.pariskv.server.http.Fields;

/**
 * How a client wants its answer.
 *
 * @param stream whether piece by piece
 * @param includeUsage whether a last piece tells the numbers of tokens
 */
record Delivery(boolean stream, boolean includeUsage) {

  /** Reads {@code stream} and {@code stream_options}. */
  static Delivery read(Fields fields) {
    boolean stream = fields.flag("stream", false);
    Fields options = fields.object("stream_options");
    if (options == null) {
      return new Delivery(stream, false);
    }
    boolean usage = options.flag("include_usage", false);
    options.unsupported("include_obfuscation", "pieces are sent as they are", "false");
    options.end();
    if (!stream) {
      fields.unsupported("stream_options", "it goes with stream true only", "{}");
    }
    return new Delivery(stream, usage);
  }
}
