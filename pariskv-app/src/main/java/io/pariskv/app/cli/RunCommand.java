package io.pariskv.app.cli;

import io.pariskv.error.InputException;
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
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
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

  /** Where the prompt comes from; at most one. */
  static final class Source {
    @Option(names = "--prompt", paramLabel = "TEXT", description = "The prompt.")
    @Nullable
    String text;
    @Option(names = "--prompt-file", paramLabel = "FILE", description = "A file with the prompt.")
    @Nullable
    Path file;
    @Option(names = "--ids", paramLabel = "IDS", description = "Token ids, separated by commas.")
    @Nullable
    String ids;
  }

  @ArgGroup(exclusive = true)
  private @Nullable Source source;

  @Option(names = "--system", paramLabel = "TEXT", description = "A system message.")
  private @Nullable String system;
  @Option(names = "--raw", description = "Give the prompt to the model as it is, without the chat template.")
  private boolean raw;
  @Option(names = "--json", description = "Print one JSON object instead of the answer.")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions loading = Usage.check(spec, model::toLoadOptions);
    Usage.check(spec, () -> {
      sampling.check();
      return true;
    });
    if (system != null && (raw || ids() != null)) {
      throw Usage.wrong(spec, "--system needs the chat template; it cannot go with --raw or --ids");
    }
    String prompt = ids() == null ? promptText() : "";
    try (LanguageModel loaded = LanguageModel.load(model.model, loading);
        Session session = loaded.newSession(chosen)) {
      Terminal terminal = new Terminal(out, spec.commandLine().getErr(), !json);
      GenerationResult result = session.generate(tokens(loaded, prompt),
          sampling.toGenerationOptions(loaded.generationConfig()), terminal);
      out.println(json
          ? Json.of(loaded, chosen, result).toString()
          : loaded.hasTokenizer() ? "" : result.tokens().toString());
      return 0;
    }
  }

  private @Nullable String ids() {
    return source == null ? null : source.ids;
  }

  private String promptText() {
    if (source != null && source.text != null) {
      return source.text;
    }
    String read = source != null && source.file != null
        ? Prompts.read(source.file)
        : Prompts.read(System.in, "standard input");
    if (read.isEmpty()) {
      throw new InputException("the prompt is empty; give some text");
    }
    return read;
  }

  private int[] tokens(LanguageModel loaded, String prompt) {
    String ids = ids();
    if (ids != null) {
      return Prompts.ids(ids, "--ids");
    }
    if (raw) {
      return loaded.tokenizer().encodeWithSpecials(prompt);
    }
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatMessage("system", system));
    }
    messages.add(new ChatMessage("user", prompt));
    return loaded.chatPrompt(messages);
  }
}
