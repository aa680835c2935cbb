package io.pariskv.app.cli;

import io.pariskv.error.InputException;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

/** Nonsense in flags is wrong usage, exit code 2, before anything is loaded. */
final class Usage {
  private Usage() {
  }

  /** What {@code flags} gives; a refusal becomes wrong usage. */
  static <T> T check(CommandSpec spec, Supplier<T> flags) {
    try {
      return flags.get();
    } catch (InputException e) {
      throw new CommandLine.ParameterException(spec.commandLine(), String.valueOf(e.getMessage()),
          e);
    }
  }

  /** Wrong usage with this message. */
  static CommandLine.ParameterException wrong(CommandSpec spec, String message) {
    return new CommandLine.ParameterException(spec.commandLine(), message);
  }
}
