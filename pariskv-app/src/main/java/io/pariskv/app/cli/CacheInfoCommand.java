package io.pariskv.app.cli;

import io.pariskv.saved.CacheHeader;
import io.pariskv.saved.CacheReader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Shows what a file says of itself. */
@Command(name = "info", mixinStandardHelpOptions = true, description = "Show what a file says of itself; needs no model. Rows are not checked: load does that.")
public final class CacheInfoCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Parameters(index = "0", paramLabel = "FILE", description = "The file.")
  private Path file;

  @Override
  public Integer call() {
    try (CacheReader reader = CacheReader.open(file)) {
      CacheHeader header = reader.header();
      line("model", header.model().name());
      header.model().config().forEach(this::line);
      line("weights", header.model().weights());
      String tokenizer = header.model().tokenizer();
      line("tokenizer", tokenizer == null ? "none" : tokenizer);
      line("tokens", header.tokens());
      line("dtype", header.dtype());
      line("bytes", reader.bytes());
      line("question", header.openTurn() ? "may follow in the user's message" : "needs --raw");
      line("prefill", header.prefillSeconds() == 0
          ? "not measured"
          : String.format(Locale.ROOT, "%.2f s", header.prefillSeconds()));
      line("created", header.created());
      return 0;
    }
  }

  private void line(String name, Object value) {
    PrintWriter out = spec.commandLine().getOut();
    out.println(String.format(Locale.ROOT, "%-24s %s", name, value));
  }
}
