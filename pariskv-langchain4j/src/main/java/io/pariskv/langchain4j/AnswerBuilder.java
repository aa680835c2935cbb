package io.pariskv.langchain4j;

import dev.langchain4j.agent.tool.ToolExecutionRequest;
import dev.langchain4j.data.message.AiMessage;
import dev.langchain4j.model.chat.response.ChatModelStreamingEvent;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.langchain4j.model.chat.response.ChatResponseMetadata;
import dev.langchain4j.model.chat.response.CompleteToolCall;
import dev.langchain4j.model.chat.response.PartialResponse;
import dev.langchain4j.model.chat.response.PartialThinking;
import dev.langchain4j.model.output.FinishReason;
import io.pariskv.chat.Part;
import io.pariskv.generate.GenerationResult;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;

/** Makes events of an answer's parts, and in the end the whole of them. */
final class AnswerBuilder {
  private final String modelName;
  private final StringBuilder text = new StringBuilder();
  private final StringBuilder thinking = new StringBuilder();
  private final List<ToolExecutionRequest> calls = new ArrayList<>();

  AnswerBuilder(String modelName) {
    this.modelName = modelName;
  }

  /** The event that tells of a part. */
  ChatModelStreamingEvent add(Part part) {
    return switch (part) {
      case Part.Text(String piece) -> {
        text.append(piece);
        yield new PartialResponse(piece);
      }
      case Part.Thought(String piece) -> {
        thinking.append(piece);
        yield new PartialThinking(piece);
      }
      case Part.ToolCall(int index, String id, String name, String arguments) -> {
        ToolExecutionRequest call = ToolExecutionRequest.builder().id(id).name(name)
            .arguments(arguments).build();
        calls.add(call);
        yield new CompleteToolCall(index, call);
      }
    };
  }

  /** All parts. */
  ChatResponse build(GenerationResult result) {
    AiMessage.Builder message = AiMessage.builder().toolExecutionRequests(calls);
    if (calls.isEmpty() || !text.isEmpty()) {
      message.text(text.toString());
    }
    if (!thinking.isEmpty()) {
      message.thinking(thinking.toString());
    }
    return ChatResponse.builder().aiMessage(message.build())
        .metadata(ChatResponseMetadata.builder().id("pariskv-" + UUID.randomUUID())
            .modelName(modelName).finishReason(reason(result))
            .tokenUsage(new ParisKvTokenUsage(result.promptTokens(), result.cachedTokens(),
                result.tokens().size()))
            .build())
        .build();
  }

  private FinishReason reason(GenerationResult result) {
    return switch (result.finishReason()) {
      case STOP -> calls.isEmpty() ? FinishReason.STOP : FinishReason.TOOL_EXECUTION;
      case LENGTH, DEADLINE -> FinishReason.LENGTH;
      case CANCELLED -> FinishReason.OTHER;
    };
  }
}
