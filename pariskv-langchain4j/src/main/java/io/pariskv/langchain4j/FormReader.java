package io.pariskv.langchain4j;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ResponseFormat;
import dev.langchain4j.model.chat.request.ResponseFormatType;
import dev.langchain4j.model.chat.request.ToolChoice;
import dev.langchain4j.model.chat.request.json.JsonSchema;
import io.pariskv.chat.FunctionSignature;
import io.pariskv.chat.ToolFormat;
import io.pariskv.constrain.Form;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Reads what an answer must be. */
final class FormReader {
  private FormReader() {
  }

  /** Whether an answer must be of a form. */
  static boolean isOfAForm(ChatRequestParameters parameters) {
    return isCall(parameters) || isJson(parameters.responseFormat());
  }

  /** Whether an answer must be a call. */
  static boolean isCall(ChatRequestParameters parameters) {
    return parameters.toolChoice() == ToolChoice.REQUIRED;
  }

  private static boolean isJson(@Nullable ResponseFormat format) {
    return format != null && format.type() == ResponseFormatType.JSON;
  }

  /**
   * The form of the answer; null for any.
   *
   * @param format of calls
   * @param tools that may be called
   */
  static @Nullable Form read(ToolFormat format, ChatRequestParameters parameters,
      List<ToolSpecification> tools) {
    boolean must = isCall(parameters);
    if (must && tools.isEmpty()) {
      throw new InvalidRequestException(
          "ToolChoice.REQUIRED asks for a call, but there are no tools");
    }
    return format.answer(text(parameters.responseFormat()),
        tools.stream().map(tool -> signature(tool, must)).toList(), must, true);
  }

  private static @Nullable Form text(@Nullable ResponseFormat format) {
    if (format == null || !isJson(format)) {
      return null;
    }
    JsonSchema schema = format.jsonSchema();
    return schema == null
        ? new Form.AnyObject()
        : new Form.Json(tree(JsonSchemaElementUtils.toMap(schema.rootElement())));
  }

  private static FunctionSignature signature(ToolSpecification tool, boolean must) {
    return must || Boolean.TRUE.equals(tool.strict())
        ? FunctionSignature.of(tool.name(), tree(RequestReader.parameters(tool)))
        : FunctionSignature.any(tool.name());
  }

  private static JsonNode tree(Map<String, Object> schema) {
    return JsonMapper.shared().valueToTree(schema);
  }
}
