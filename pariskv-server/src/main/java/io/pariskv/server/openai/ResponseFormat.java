package io.pariskv.server.openai;

import io.pariskv.constrain.Form;
import io.pariskv.server.http.ApiException;
import io.pariskv.server.http.Fields;
import io.pariskv.server.http.Json;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * What the text of an answer must be, as a client says it.
 *
 * @param form of the text; null for any
 * @param param the field that is refused if the form cannot be kept
 */
record ResponseFormat(@Nullable Form form, String param) {
  /** Any text. */
  static final ResponseFormat ANY = new ResponseFormat(null, "");

  private static final String NAME = "[a-zA-Z0-9_-]{1,64}";
  private static final String SCHEMA = "schema";

  /** Reads {@code response_format} of a chat. */
  static ResponseFormat read(Fields fields) {
    return read(fields, "response_format", format -> {
      Fields described = format.object("json_schema");
      if (described == null) {
        throw format.missing("json_schema");
      }
      return described;
    });
  }

  /** Reads {@code format} of the {@code text} of a response, where a schema and its name are fields of the format itself. */
  static ResponseFormat readFlat(Fields text) {
    return read(text, "format", format -> format);
  }

  private static ResponseFormat read(Fields fields, String field,
      UnaryOperator<Fields> described) {
    Fields format = fields.object(field);
    if (format == null) {
      return ANY;
    }
    String type = format.requiredText("type");
    ResponseFormat read = switch (type) {
      case "text" -> ANY;
      case "json_object" -> new ResponseFormat(new Form.AnyObject(), fields.name(field));
      case "json_schema" -> schema(described.apply(format));
      default -> throw ApiException.invalid(format.name("type"), "unsupported_value",
          format.name("type") + " is \"" + Json.shorten(type)
              + "\", expected text, json_object or json_schema");
    };
    format.end();
    return read;
  }

  private static ResponseFormat schema(Fields described) {
    described.requiredText("name", NAME, "1 to 64 letters, digits, _ and -");
    described.text("description"); // for people: what the model is to know stands in the prompt
    described.flag("strict", true); // a schema is kept exactly, or refused
    described.object(SCHEMA);
    ResponseFormat read = new ResponseFormat(new Form.Json(described.required(SCHEMA)),
        described.name(SCHEMA));
    described.end();
    return read;
  }
}
