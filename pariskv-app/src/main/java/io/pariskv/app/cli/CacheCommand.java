package io.pariskv.app.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Groups what is done with caches in files. */
@Command(name = "cache", mixinStandardHelpOptions = true, description = "Keep the K and V of a document in a file, and go on from there by run --cache, chat --cache or serve --cache-dir.", subcommands = {
    CacheSaveCommand.class, CacheLoadCommand.class, CacheInfoCommand.class})
public final class CacheCommand implements Runnable {
  @Spec
  private CommandSpec spec;

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(), "give one of save, load and info");
  }
}
