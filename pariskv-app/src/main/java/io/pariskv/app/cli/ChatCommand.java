package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import io.pariskv.generate.FinishReason;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.saved.CacheHeader;
import io.pariskv.text.ChatMessage;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** A conversation on one cache: each turn only prefills what is new. */
@Command(name = "chat", mixinStandardHelpOptions = true, description = {
    "Talk to a model; a line is a turn.",
    "/file PATH sends a file as a turn, /reset starts over, /exit (or end of input) ends."})
public final class ChatCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Mixin
  private ModelOptions model;
  @Mixin
  private MethodOptions method;
  @Mixin
  private SamplingOptions sampling;
  @Option(names = "--system", paramLabel = "TEXT", description = "A system message.")
  private @Nullable String system;
  @Option(names = "--cache", paramLabel = "FILE", description = "Go on where this file ends, which 'pariskv cache save' wrote: the first turn is a question about its document.")
  private @Nullable Path cache;

  @Override
  public Integer call() throws IOException {
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions loading = model.toLoadOptions(spec);
    sampling.check(spec);
    if (cache != null && system != null) {
      throw Usage.wrong(spec, OpenTurn.NO_SYSTEM);
    }
    try (LanguageModel loaded = model.load(loading, chosen,
        spec.commandLine().getErr());
        Session session = loaded.newSession(chosen)) {
      requireTemplate(loaded);
      // A decoder that reports what is not UTF-8, rather than one that replaces it.
      converse(loaded, session, prompt(loaded, session), new BufferedReader(
          new InputStreamReader(System.in, StandardCharsets.UTF_8.newDecoder())));
      return 0;
    } catch (CharacterCodingException e) {
      throw Prompts.notText("standard input", e);
    }
  }

  /** Refuses a model that cannot chat, or takes no system message, before the first turn is typed. */
  private void requireTemplate(LanguageModel loaded) {
    List<ChatMessage> probe = opening();
    probe.add(new ChatMessage("user", "?"));
    loaded.chatPrompt(probe);
  }

  /** How a conversation becomes tokens: after those of the cache, if there is one. */
  private Function<List<ChatMessage>, int[]> prompt(LanguageModel loaded, Session session) {
    Path file = cache;
    if (file == null) {
      return loaded::chatPrompt;
    }
    CacheHeader header = session.load(file, GenerationListener.NONE);
    int[] cached = session.tokens();
    return messages -> OpenTurn.after(file, header, cached, loaded, messages);
  }

  private void converse(LanguageModel loaded, Session session,
      Function<List<ChatMessage>, int[]> prompt, BufferedReader in) throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    PrintWriter err = spec.commandLine().getErr();
    GenerationOptions options = sampling.toGenerationOptions(loaded.generationConfig());
    List<ChatMessage> messages = opening();
    for (String line = ask(in, err); line != null; line = ask(in, err)) {
      if (line.equals("/exit")) {
        return;
      }
      if (line.equals("/reset")) {
        messages = opening();
        continue;
      }
      if (line.isBlank()) {
        continue;
      }
      // Added to the conversation only with its answer: a refused turn leaves it as it was.
      List<ChatMessage> turn = new ArrayList<>(messages);
      try (Terminal terminal = new Terminal(out, err, true)) {
        String content = content(line);
        turn.add(cache != null && turn.isEmpty()
            ? OpenTurn.first(content)
            : new ChatMessage("user", content));
        GenerationResult result = session.generate(prompt.apply(turn), options, terminal);
        if (result.finishReason() == FinishReason.CANCELLED) { // nobody reads any more
          return;
        }
        out.println(result.finishReason() == FinishReason.LENGTH ? " [cut at --max-tokens]" : "");
        turn.add(new ChatMessage("assistant", result.text()));
        messages = turn;
        report(result, err);
      } catch (InputException e) {
        err.println(ErrorLine.of(e));
      }
    }
  }

  private List<ChatMessage> opening() {
    List<ChatMessage> messages = new ArrayList<>();
    if (system != null) {
      messages.add(new ChatMessage("system", system));
    }
    return messages;
  }

  private static @Nullable String ask(BufferedReader in, PrintWriter err) throws IOException {
    if (Terminal.isInteractive()) {
      err.print("> ");
      err.flush();
    }
    return in.readLine();
  }

  /** What a line sends. A mistyped command is not sent to the model. */
  private static String content(String line) {
    if (line.startsWith("/file ")) {
      return Prompts.read(path(line.substring("/file ".length()).strip()));
    }
    if (line.strip().matches("/[a-z]+")) {
      throw new InputException(
          "no command '" + line.strip() + "'; give one of /file PATH, /reset, /exit");
    }
    return line;
  }

  /** What no file can be called is a refused turn, not the end of the conversation. */
  private static Path path(String name) {
    try {
      return Path.of(name);
    } catch (InvalidPathException e) {
      throw new InputException(
          name + ": is no file's name (" + e.getReason() + "); check the path", e);
    }
  }

  private static void report(GenerationResult result, PrintWriter err) {
    err.println(String.format(Locale.ROOT,
        "[prefilled %d of %d tokens at %.0f tokens/s, %d new at %.1f ms, attended %.0f of %d]",
        result.promptTokens() - result.cachedTokens(), result.promptTokens(),
        result.prefillTokensPerSecond(),
        result.tokens().size(), result.decodeMillisPerToken(), result.attendedTokensMean(),
        result.heldTokens()));
  }
}
