package io.pariskv.app.cli;

import io.pariskv.generate.LanguageModel;
import io.pariskv.saved.CacheHeader;
import io.pariskv.text.ChatMessage;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;

/** A prompt, and how it becomes tokens. */
final class PromptOptions {
  @Option(names = "--prompt", paramLabel = "TEXT", description = "The prompt.")
  private @Nullable String promptText;
  @Option(names = "--prompt-file", paramLabel = "FILE", description = "A file with the prompt.")
  private @Nullable Path promptFile;
  @Option(names = "--ids", paramLabel = "IDS", description = "The prompt as token ids, separated by commas.")
  private @Nullable String promptIds;
  @Option(names = "--system", paramLabel = "TEXT", description = "A system message.")
  private @Nullable String system;
  @Option(names = "--raw", description = "Give the prompt to the model as it is, without the chat template.")
  private boolean raw;

  /**
   * A prompt that becomes tokens once a model is there.
   *
   * @param ids given as such; else the text counts
   */
  record Prompt(int @Nullable [] ids, String text, @Nullable String system, boolean raw) {

    /** Whether there is a template around it. */
    boolean isMessage() {
      return ids == null && !raw;
    }

    /** All of it, ready for the answer. */
    int[] whole(LanguageModel model) {
      return ids != null
          ? ids
          : raw ? model.tokenizer().encodeWithSpecials(text) : model.chatPrompt(messages(text));
    }

    /** The same, but open for more of the user's message. */
    int[] begin(LanguageModel model) {
      return isMessage() ? OpenTurn.begin(model, messages(text)) : whole(model);
    }

    /** Where a cache goes on with this prompt. */
    int[] after(Path file, CacheHeader header, int[] cached, LanguageModel model) {
      if (isMessage()) {
        return OpenTurn.after(file, header, cached, model, List.of(OpenTurn.first(text)));
      }
      int[] more = ids == null ? model.tokenizer().encode(text) : ids;
      return IntStream.concat(IntStream.of(cached), IntStream.of(more)).toArray();
    }

    private List<ChatMessage> messages(String content) {
      List<ChatMessage> messages = new ArrayList<>();
      if (system != null) {
        messages.add(new ChatMessage("system", system));
      }
      messages.add(new ChatMessage("user", content));
      return messages;
    }
  }

  /** Reads the prompt, before a model is loaded. */
  Prompt read(CommandSpec spec) {
    if (Stream.of(promptText, promptFile, promptIds).filter(Objects::nonNull).count() > 1) {
      throw Usage.wrong(spec, "give only one of --prompt, --prompt-file and --ids");
    }
    String list = promptIds;
    if (system != null && (raw || list != null)) {
      throw Usage.wrong(spec, "--system needs the chat template; it cannot go with --raw or --ids");
    }
    return list != null
        ? new Prompt(Usage.check(spec, () -> Prompts.ids(list, "--ids")), "", null, raw)
        : new Prompt(null, text(spec), system, raw);
  }

  /** Refuses a system message where a cache has the begin of the conversation. */
  void requireNoSystem(CommandSpec spec) {
    if (system != null) {
      throw Usage.wrong(spec, OpenTurn.NO_SYSTEM);
    }
  }

  private String text(CommandSpec spec) {
    if (promptFile != null) {
      return Prompts.read(promptFile);
    }
    if (promptText == null) {
      return Prompts.read(System.in, "standard input");
    }
    if (promptText.isEmpty()) {
      throw Usage.wrong(spec, "--prompt is empty; give some text");
    }
    return promptText;
  }
}
