package io.pariskv.app.cli;

import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.saved.CacheWriter;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Computes a document's K and V and saves them. */
@Command(name = "save", mixinStandardHelpOptions = true, description = {
    "Read a document and save its K and V to a file, which replaces an older one when it is complete.",
    "The document is the begin of a user's message, and a question may follow it; with --raw or --ids it is what it is."})
public final class CacheSaveCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Mixin
  private ModelOptions model;
  @Mixin
  private PromptOptions prompts;
  @Parameters(index = "0", paramLabel = "FILE", description = "The file to write.")
  private Path file;

  @Override
  public Integer call() {
    LoadOptions loading = model.toLoadOptions(spec);
    PromptOptions.Prompt prompt = prompts.read(spec);
    PrintWriter err = spec.commandLine().getErr();
    AttentionMethod full = new FullAttention();
    try (LanguageModel loaded = model.load(loading, full, err);
        Session session = loaded.newSession(full);
        Terminal terminal = new Terminal(spec.commandLine().getOut(), err, false)) {
      int[] tokens = prompt.begin(loaded);
      CacheWriter.requireRoom(file, loaded.kvShape(), tokens.length);
      long start = System.nanoTime();
      session.prefill(tokens, terminal);
      session.await();
      double prefill = seconds(start);
      long saving = System.nanoTime();
      session.save(file, prompt.isMessage(), prefill);
      double written = seconds(saving);
      spec.commandLine().getOut().println(String.format(Locale.ROOT,
          "%s: %d tokens, %.1f MiB; read in %.2f s (%.0f tokens/s), written in %.2f s (%.2f GB/s)",
          file, tokens.length, file.toFile().length() / 0x1p20, prefill, tokens.length / prefill,
          written, file.toFile().length() / written / 1e9));
      return 0;
    }
  }

  static double seconds(long since) {
    return Math.max(System.nanoTime() - since, 1) / 1e9;
  }
}
