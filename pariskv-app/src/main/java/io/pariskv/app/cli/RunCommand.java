package io.pariskv.app.cli;

import io.pariskv.chat.AnswerForms;
import io.pariskv.chat.JsonValues;
import io.pariskv.constrain.Form;
import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
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
import tools.jackson.databind.JsonNode;

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
  @Option(names = "--json-schema", paramLabel = "FILE", description = "Make the answer JSON of the JSON Schema in this file; say in the prompt what is wanted.")
  private @Nullable Path schema;
  @Option(names = "--json", description = "Print one JSON object instead of the answer.")
  private boolean json;

  @Override
  public Integer call() {
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions loading = model.toLoadOptions(spec);
    sampling.check(spec);
    Form form = form();
    if (cache != null) {
      prompts.requireNoSystem(spec);
    }
    PromptOptions.Prompt prompt = prompts.read(spec);
    PrintWriter out = spec.commandLine().getOut();
    try (LanguageModel loaded = model.load(loading, chosen,
        spec.commandLine().getErr());
        Session session = loaded.newSession(chosen);
        Terminal terminal = new Terminal(out, spec.commandLine().getErr(), !json)) {
      int[] tokens = tokens(loaded, session, prompt);
      GenerationOptions options = sampling.toGenerationOptions(loaded.generationConfig());
      GenerationResult result = session.generate(tokens, form == null
          ? options
          : options.withConstraint(
              new AnswerForms(loaded.tokenizer(), loaded::constraints).answer(form, tokens)),
          terminal);
      out.println(json
          ? Json.of(loaded, chosen, result).toString()
          : loaded.hasTokenizer() ? "" : result.tokens().toString());
      return 0;
    }
  }

  /** What the answer must be, read before a model is loaded; null for anything. */
  private @Nullable Form form() {
    if (schema == null) {
      return null;
    }
    if (sampling.ignoreEos) {
      throw Usage.wrong(spec, "--ignore-eos goes on after an answer of --json-schema is complete; "
          + "leave one of them out");
    }
    JsonNode read = JsonValues.read(Prompts.read(schema));
    if (read == null) {
      throw new InputException(schema + " is no JSON Schema: it cannot be read as JSON");
    }
    return new Form.Json(read);
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
