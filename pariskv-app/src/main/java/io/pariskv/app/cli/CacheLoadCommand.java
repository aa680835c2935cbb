package io.pariskv.app.cli;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.AttentionMethod;
import io.pariskv.saved.CacheHeader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Loads a file as whoever goes on from it does, and says what that takes. */
@Command(name = "load", mixinStandardHelpOptions = true, description = {
    "Load a file for a model and a method, check all of it, and say how long that takes.",
    "To go on from it, give it to run --cache or chat --cache."})
public final class CacheLoadCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Mixin
  private ModelOptions model;
  @Mixin
  private MethodOptions method;
  @Parameters(index = "0", paramLabel = "FILE", description = "The file to load.")
  private Path file;

  @Override
  public Integer call() {
    AttentionMethod chosen = Usage.check(spec, method::toMethod);
    LoadOptions loading = model.toLoadOptions(spec);
    PrintWriter err = spec.commandLine().getErr();
    try (LanguageModel loaded = model.load(loading, chosen, err);
        Session session = loaded.newSession(chosen)) {
      long start = System.nanoTime();
      CacheHeader header = session.load(file, GenerationListener.NONE);
      session.await();
      double seconds = CacheSaveCommand.seconds(start);
      long bytes = file.toFile().length();
      String line = String.format(Locale.ROOT,
          "%s: %d tokens, %.1f MiB; loaded in %.2f s (%.2f GB/s)",
          file, header.tokens(), bytes / 0x1p20, seconds, bytes / seconds / 1e9);
      spec.commandLine().getOut().println(header.prefillSeconds() == 0
          ? line
          : line
              + String.format(Locale.ROOT, "; reading the document took %.2f s, %.0f times as long",
                  header.prefillSeconds(), header.prefillSeconds() / seconds));
      return 0;
    }
  }
}
