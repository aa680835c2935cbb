package io.pariskv.app.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Groups the benchmarks. */
@Command(name = "bench", mixinStandardHelpOptions = true, description = "Measure this machine.", subcommands = {
    BenchAttentionCommand.class, BenchDecodeCommand.class, BenchEngineCommand.class,
    BenchLinearCommand.class, BenchOverlapCommand.class,
    BenchModelCommand.class})
public final class BenchCommand implements Runnable {
  @Spec
  private CommandSpec spec;

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(),
        "give a benchmark: attention, decode, engine, linear, model or overlap");
  }
}
