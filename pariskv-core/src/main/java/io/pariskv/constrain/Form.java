package io.pariskv.constrain;

import java.util.List;
import tools.jackson.databind.JsonNode;

/** What a text looks like, put together of parts. */
public sealed interface Form {

  /**
   * Just this text.
   *
   * @param text not empty
   */
  record Literal(String text) implements Form {
  }

  /** Any JSON object (RFC 8259). */
  record AnyObject() implements Form {
  }

  /**
   * JSON that a schema describes; see {@link Constraints} for what of JSON Schema is supported.
   *
   * @param schema as parsed
   */
  record Json(JsonNode schema) implements Form {
  }

  /**
   * Any text up to and with the first {@code end}.
   *
   * @param end not empty
   */
  record Until(String end) implements Form {
  }

  /** One after another. */
  record Sequence(List<Form> parts) implements Form {
    /** Copies the list. */
    public Sequence {
      parts = List.copyOf(parts);
    }
  }

  /** One of several; at least one. */
  record Choice(List<Form> parts) implements Form {
    /** Copies the list. */
    public Choice {
      parts = List.copyOf(parts);
    }
  }

  /** One after another. */
  static Form of(Form... parts) {
    return new Sequence(List.of(parts));
  }
}
