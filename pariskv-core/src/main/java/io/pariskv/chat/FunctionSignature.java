package io.pariskv.chat;

import io.pariskv.constrain.Form;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A function, as far as a call of it must keep to it.
 *
 * @param name of the function
 * @param arguments a JSON object
 */
public record FunctionSignature(String name, Form arguments) {
  private static final String TYPE = "type";

  /** A function that takes any arguments. */
  public static FunctionSignature any(String name) {
    return new FunctionSignature(name, new Form.AnyObject());
  }

  /**
   * A function whose arguments keep to a JSON Schema, which describes an object whether it says so or not.
   *
   * @param parameters the schema; null for a function without parameters
   */
  public static FunctionSignature of(String name, @Nullable JsonNode parameters) {
    if (parameters == null) {
      return new FunctionSignature(name, new Form.Literal("{}"));
    }
    if (!(parameters instanceof ObjectNode schema) || schema.has(TYPE)) {
      return new FunctionSignature(name, new Form.Json(parameters));
    }
    return schema.isEmpty()
        ? any(name)
        : new FunctionSignature(name, new Form.Json(schema.deepCopy().put(TYPE, "object")));
  }
}
