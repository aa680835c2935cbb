package io.pariskv.app.cli;

import io.pariskv.backend.Backends;
import io.pariskv.error.InputException;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
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
    } catch (InputException | IllegalArgumentException e) {
      throw new CommandLine.ParameterException(spec.commandLine(),
          asFlag(spec, String.valueOf(e.getMessage())), e);
    }
  }

  /** The library names a setting as its flag is named, without the dashes. */
  private static String asFlag(CommandSpec spec, String message) {
    String flag = "--" + message.substring(0, Math.max(0, message.indexOf(' ')));
    return spec.optionsMap().containsKey(flag) ? "--" + message : message;
  }

  /** Refuses a backend that this build does not have. One that cannot run here is refused on opening. */
  static String backend(CommandSpec spec, String name) {
    List<String> names = Stream.concat(Stream.of("auto"),
        Backends.candidates().stream().map(Backends.Candidate::name)).toList();
    if (!names.contains(name)) {
      throw wrong(spec, "--backend '" + name + "' is not known; choose one of "
          + String.join(", ", names));
    }
    return name;
  }

  /** Refuses a number that is not from 1 to {@code most}. */
  static void requireRange(CommandSpec spec, String flag, int value, int most) {
    if (value < 1 || value > most) {
      throw wrong(spec, flag + " " + value + " must be from 1 to " + most);
    }
  }

  /** Refuses a number that is given and below 1. */
  static void requirePositive(CommandSpec spec, String flag, @Nullable Integer value) {
    if (value != null && value < 1) {
      throw wrong(spec, flag + " " + value + " must be at least 1");
    }
  }

  /** Wrong usage with this message. */
  static CommandLine.ParameterException wrong(CommandSpec spec, String message) {
    return new CommandLine.ParameterException(spec.commandLine(), message);
  }
}
