package io.pariskv.app.cli;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.saved.CacheHeader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.concurrent.Callable;
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

  @Mixin
  private PromptOptions prompts;
  @Option(names = "--cache", paramLabel = "FILE", description = "Go on where this file ends, which 'pariskv cache save' wrote: the prompt is a question about its document.")
  private @Nullable Path cache;
  @Option(names = "--json", description = "Print one JSON object instead of the answer.")
  private boolean json;

  @Override
  public Integer call() {
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions loading = model.toLoadOptions(spec);
    sampling.check(spec);
    if (cache != null) {
      prompts.requireNoSystem(spec);
    }
    PromptOptions.Prompt prompt = prompts.read(spec);
    PrintWriter out = spec.commandLine().getOut();
    try (LanguageModel loaded = LanguageModel.load(model.model, loading);
        Session session = loaded.newSession(chosen);
        Terminal terminal = new Terminal(out, spec.commandLine().getErr(), !json)) {
      model.explain(loaded, spec.commandLine().getErr());
      GenerationResult result = session.generate(tokens(loaded, session, prompt),
          sampling.toGenerationOptions(loaded.generationConfig()), terminal);
      out.println(json
          ? Json.of(loaded, chosen, result).toString()
          : loaded.hasTokenizer() ? "" : result.tokens().toString());
      return 0;
    }
  }

  private int[] tokens(LanguageModel loaded, Session session, PromptOptions.Prompt prompt) {
    Path file = cache;
    if (file == null) {
      return prompt.whole(loaded);
    }
    CacheHeader header = session.load(file, GenerationListener.NONE);
    return prompt.after(file, header, session.tokens(), loaded);
  }
}
