package io.pariskv.server.openai;

import io.pariskv.server.http.Fields;
import org.jspecify.annotations.Nullable;

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
    Fields options = options(fields, stream);
    boolean usage = options != null && options.flag("include_usage", false);
    end(options);
    return new Delivery(stream, usage);
  }

  /** Reads {@code stream}, and {@code stream_options} of an answer that always tells the numbers of tokens. */
  static boolean readStream(Fields fields) {
    boolean stream = fields.flag("stream", false);
    end(options(fields, stream));
    return stream;
  }

  private static @Nullable Fields options(Fields fields, boolean stream) {
    Fields options = fields.object("stream_options");
    if (!stream) {
      fields.unsupported("stream_options", "it goes with stream true only", "{}");
    }
    return options;
  }

  private static void end(@Nullable Fields options) {
    if (options != null) {
      options.unsupported("include_obfuscation", "pieces are sent as they are", "false");
      options.end();
    }
  }
}
