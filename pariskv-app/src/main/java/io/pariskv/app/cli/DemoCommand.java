package io.pariskv.app.cli;

import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.text.ChatMessage;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Hides a path in a long document and asks the bundled model to follow it, once with each method. */
@Command(name = "demo", mixinStandardHelpOptions = true, description = "Make a long document, hide a path of sentences in it, let the bundled model follow it with full attention and with ParisKV, and compare.")
public final class DemoCommand implements Callable<Integer> {
  private static final int MIN_TOKENS = 300;
  private static final int MAX_TOKENS = 1_000_000;

  /** Long enough for ParisKV to retrieve. */
  private static final int WARM_UP_TOKENS = 2_500;

  @Spec
  private CommandSpec spec;
  @Mixin
  private ParisKvOptions settings;
  @Option(names = "--tokens", paramLabel = "N", defaultValue = "16384", description = "Tokens of the prompt (default: ${DEFAULT-VALUE}).")
  private int tokens;
  @Option(names = "--hops", paramLabel = "N", defaultValue = "8", description = "Sentences to follow (default: ${DEFAULT-VALUE}).")
  private int hops;
  @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of the document (default: ${DEFAULT-VALUE}).")
  private long seed;
  @Mixin
  private BackendOption backend;
  @Mixin
  private BundledModelOption model;

  /** One line of the table. */
  private record Outcome(String method, int rightHops, GenerationResult result) {
  }

  @Override
  public Integer call() {
    if (tokens < MIN_TOKENS || tokens > MAX_TOKENS) {
      throw Usage.wrong(spec,
          "--tokens " + tokens + " must be from " + MIN_TOKENS + " to " + MAX_TOKENS);
    }
    if (hops < 1 || hops > 100 || hops + 5 > tokens / RecallDocument.SENTENCE_TOKENS) {
      throw Usage.wrong(spec, "--hops " + hops + " must be from 1 to "
          + Math.min(100, tokens / RecallDocument.SENTENCE_TOKENS - 5) + " with " + tokens
          + " tokens");
    }
    LoadOptions loading = LoadOptions.defaults().withBackend(backend.name(spec));
    AttentionMethod pariskv = new ParisKv(Usage.check(spec, settings::toConfig));
    RecallDocument document = RecallDocument.path(tokens, hops, seed);
    PrintWriter out = spec.commandLine().getOut();
    List<Outcome> outcomes = new ArrayList<>();
    try (LanguageModel loaded = LanguageModel.load(model.directory, loading)) {
      out.printf(Locale.ROOT, "%s on backend %s (%s)%n", loaded.name(), loaded.backend().name(),
          loaded.backend().description());
      out.printf(Locale.ROOT, "document of about %d tokens, seed %d; %s%n", tokens, seed,
          document.question());
      List<AttentionMethod> methods = List.of(new FullAttention(), pariskv);
      methods.forEach(each -> warmUp(loaded, each));
      for (AttentionMethod each : methods) {
        out.printf(Locale.ROOT, "%n%s:%n", each.name());
        out.flush();
        GenerationResult result;
        try (Terminal terminal = new Terminal(out, spec.commandLine().getErr(), true)) {
          result = answer(loaded, each, document, terminal);
        }
        out.println();
        if (result.finishReason() == FinishReason.CANCELLED) { // nobody reads any more
          return 0;
        }
        outcomes.add(new Outcome(each.name(), document.rightSentences(result.text()), result));
      }
    }
    print(outcomes, out);
    return 0;
  }

  /** Answers a short document first, so that the table shows compiled code and not the compiler. */
  private void warmUp(LanguageModel loaded, AttentionMethod each) {
    int shortTokens = Math.min(tokens, WARM_UP_TOKENS);
    RecallDocument document = RecallDocument.path(shortTokens, hops, seed + 1);
    answer(loaded, each, document, GenerationListener.NONE);
  }

  private static GenerationResult answer(LanguageModel loaded, AttentionMethod each,
      RecallDocument document, GenerationListener listener) {
    try (Session session = loaded.newSession(each)) {
      return session.generate(List.of(new ChatMessage("user", document.text())),
          GenerationOptions.greedy(document.answer().size() * RecallDocument.SENTENCE_TOKENS),
          listener);
    }
  }

  private void print(List<Outcome> outcomes, PrintWriter out) {
    out.printf(Locale.ROOT, "%n%-9s %-12s %8s %10s %10s %18s %12s %11s%n", "method", "answer",
        "prompt",
        "prefill", "decode",
        "attended of held", "K,V read", "summaries");
    out.printf(Locale.ROOT, "%-9s %-12s %8s %10s %10s %18s %12s %11s%n", "", "", "tokens",
        "tokens/s",
        "ms/token", "tokens", "a token", "held");
    for (Outcome outcome : outcomes) {
      GenerationResult result = outcome.result;
      String answer = outcome.rightHops == hops
          ? "right"
          : "wrong, " + outcome.rightHops + "/" + hops;
      out.printf(Locale.ROOT, "%-9s %-12s %8d %10.0f %10.2f %18s %12s %11s%n", outcome.method,
          answer, result.promptTokens(),
          result.prefillTokensPerSecond(), result.decodeMillisPerToken(),
          String.format(Locale.ROOT, "%.0f of %d", result.attendedTokensMean(),
              result.heldTokens()),
          MemoryPlan.humanBytes(Math.round(result.kvBytesPerToken())),
          MemoryPlan.humanBytes(result.summaryBytes()));
    }
    out.flush();
  }
}
