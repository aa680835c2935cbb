package io.pariskv.langchain4j;

import static io.pariskv.langchain4j.Refusals.unsupported;

import dev.langchain4j.agent.tool.ToolSpecification;
import dev.langchain4j.internal.JsonSchemaElementUtils;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.ToolChoice;
import io.pariskv.chat.ToolFormat;
import io.pariskv.generate.GenerationOptions;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Reads requests: every parameter is honoured, or refused with its name. */
final class RequestReader {
  private RequestReader() {
  }

  /**
   * What the model is asked.
   *
   * @throws dev.langchain4j.exception.UnsupportedFeatureException if it asks for what there is not
   * @throws io.pariskv.error.InputException if a number is out of its range
   */
  static Question read(LocalModel model, ChatRequest request) {
    ChatRequestParameters parameters = request.parameters();
    requireSupported(model, parameters);
    Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    if (parameters instanceof ParisKvChatRequestParameters own) {
      variables.putAll(own.templateVariables());
    }
    List<ToolSpecification> tools = offered(parameters);
    Set<String> functions = new LinkedHashSet<>();
    if (!tools.isEmpty()) {
      tools.forEach(tool -> functions.add(tool.name()));
      variables.put("tools", tools.stream().map(RequestReader::definition).toList());
    }
    return new Question(MessageReader.read(request.messages(), model), variables, functions,
        FormReader.read(model.tools(), parameters, tools), options(model, parameters));
  }

  /** Refuses what a model cannot do, in a request or as a default. */
  static void requireSupported(LocalModel model, ChatRequestParameters parameters) {
    String name = parameters.modelName();
    if (name != null && !name.equals(model.name())) {
      throw unsupported("'modelName' parameter " + name,
          "this is model " + model.name() + ", and another one needs a chat model of its own");
    }
    requireZero("frequencyPenalty", parameters.frequencyPenalty());
    requireZero("presencePenalty", parameters.presencePenalty());
    List<ToolSpecification> tools = offered(parameters);
    if (FormReader.isCall(parameters)) {
      requireTools(model, "ToolChoice.REQUIRED");
    }
    if (!tools.isEmpty()) {
      requireTools(model);
    }
    for (ToolSpecification tool : tools) {
      if (Boolean.TRUE.equals(tool.strict()) && !FormReader.isOfAForm(parameters)) {
        throw unsupported("'strict' of tool " + tool.name(),
            "arguments are what the model writes, except with ToolChoice.REQUIRED");
      }
    }
  }

  /** Refuses tools if the model has none. */
  static void requireTools(LocalModel model) {
    requireTools(model, "use of tools");
  }

  private static void requireTools(LocalModel model, String what) {
    if (model.tools() == ToolFormat.NONE) {
      throw unsupported(what + " with model " + model.name(),
          "its chat template has none, or writes their calls in a way that is not known");
    }
  }

  private static void requireZero(String name, @Nullable Double value) {
    if (value != null && value != 0) {
      throw unsupported("'" + name + "' parameter " + value, "use repetitionPenalty");
    }
  }

  private static List<ToolSpecification> offered(ChatRequestParameters parameters) {
    List<ToolSpecification> tools = parameters.toolSpecifications();
    return tools == null || parameters.toolChoice() == ToolChoice.NONE ? List.of() : tools;
  }

  /** As templates have it, which is as OpenAI has it. */
  private static Map<String, Object> definition(ToolSpecification tool) {
    Map<String, Object> function = new LinkedHashMap<>();
    function.put("name", tool.name());
    if (tool.description() != null) {
      function.put("description", tool.description());
    }
    function.put("parameters", parameters(tool));
    Map<String, Object> definition = new LinkedHashMap<>();
    definition.put("type", "function");
    definition.put("function", function);
    return definition;
  }

  /** A JSON Schema. */
  static Map<String, Object> parameters(ToolSpecification tool) {
    return tool.parameters() == null
        ? Map.of("type", "object", "properties", Map.of())
        : JsonSchemaElementUtils.toMap(tool.parameters());
  }

  /** What a request leaves open is as the model's authors propose. */
  private static GenerationOptions options(LocalModel model, ChatRequestParameters parameters) {
    Integer most = parameters.maxOutputTokens();
    GenerationOptions options = GenerationOptions
        .proposed(model.sampling(), most == null ? Integer.MAX_VALUE : most)
        .withStop(parameters.stopSequences() == null ? List.of() : parameters.stopSequences());
    Double temperature = parameters.temperature();
    options = temperature == null ? options : options.withTemperature(temperature.floatValue());
    Double topP = parameters.topP();
    options = topP == null ? options : options.withTopP(topP.floatValue());
    Integer topK = parameters.topK();
    options = topK == null ? options : options.withTopK(topK);
    Long seed = null;
    if (parameters instanceof ParisKvChatRequestParameters own) {
      Double minP = own.minP();
      options = minP == null ? options : options.withMinP(minP.floatValue());
      Double penalty = own.repetitionPenalty();
      options = penalty == null ? options : options.withRepetitionPenalty(penalty.floatValue());
      seed = own.seed();
    }
    return options.withSeed(seed == null ? ThreadLocalRandom.current().nextLong() : seed);
  }
}
