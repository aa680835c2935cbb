package io.pariskv.app.cli;

import io.pariskv.eval.run.ResultFile;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Makes the report of an evaluation anew. */
@Command(name = "report", mixinStandardHelpOptions = true, description = "Make report.html of the samples that a directory has.")
public final class EvalReportCommand implements Callable<Integer> {
  @Spec
  private CommandSpec spec;
  @Parameters(paramLabel = "DIR", description = "Directory of 'pariskv eval --out'.")
  private Path directory;

  @Override
  public Integer call() {
    return EvalSummary.print(ResultFile.read(directory), directory, spec.commandLine().getOut());
  }
}
