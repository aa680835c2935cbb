package io.pariskv.app.cli;

import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.text.ChatMessage;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Answers one prompt. */
@Command(name = "run", mixinStandardHelpOptions = true, description = "Answer one prompt; without --prompt, --prompt-file or --ids it is read from standard input.")
public final class RunCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Mixin
  private ModelOptions model;
  @Mixin
  private MethodOptions method;
  @Mixin
  private SamplingOptions sampling;

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
  @Option(names = "--json", description = "Print one JSON object instead of the answer.")
  private boolean json;

  /** A prompt that becomes tokens once a model is there. */
  private interface Prompt {
    int[] tokens(LanguageModel loaded);
  }

  @Override
  public Integer call() {
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions loading = model.toLoadOptions(spec);
    sampling.check(spec);
    Prompt prompt = prompt();
    PrintWriter out = spec.commandLine().getOut();
    try (LanguageModel loaded = LanguageModel.load(model.model, loading);
        Session session = loaded.newSession(chosen);
        Terminal terminal = new Terminal(out, spec.commandLine().getErr(), !json)) {
      model.explain(loaded, spec.commandLine().getErr());
      GenerationResult result = session.generate(prompt.tokens(loaded),
          sampling.toGenerationOptions(loaded.generationConfig()), terminal);
      out.println(json
          ? Json.of(loaded, chosen, result).toString()
          : loaded.hasTokenizer() ? "" : result.tokens().toString());
      return 0;
    }
  }

  /** The prompt, read before a model is loaded. */
  private Prompt prompt() {
    if (Stream.of(promptText, promptFile, promptIds).filter(Objects::nonNull).count() > 1) {
      throw Usage.wrong(spec, "give only one of --prompt, --prompt-file and --ids");
    }
    String list = promptIds;
    if (system != null && (raw || list != null)) {
      throw Usage.wrong(spec, "--system needs the chat template; it cannot go with --raw or --ids");
    }
    if (list != null) {
      int[] ids = Usage.check(spec, () -> Prompts.ids(list, "--ids"));
      return _ -> ids;
    }
    String text = text();
    if (raw) {
      return loaded -> loaded.tokenizer().encodeWithSpecials(text);
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatMessage("system", system));
    }
    messages.add(new ChatMessage("user", text));
    return loaded -> loaded.chatPrompt(messages);
  }

  private String text() {
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
