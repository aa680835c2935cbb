package io.pariskv.app.cli;

import io.pariskv.backend.cuda.CudaException;
import io.pariskv.error.InputException;
import io.pariskv.text.jinja.TemplateException;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** An error as the one line that a person reads. */
public final class ErrorLine {
  private static final String START = "pariskv: ";

  private ErrorLine() {
  }

  /** Of a command that failed. */
  public static String of(Throwable problem) {
    return START + switch (problem) {
      case TemplateException template -> oneLine(template.getMessage())
          + "; change the messages, or use --raw to go without the template";
      case InputException input -> oneLine(input.getMessage());
      case CudaException gpu when gpu.isOfTheMachine() -> oneLine(gpu.getMessage());
      case CudaException gpu ->
        oneLine(gpu.getMessage()) + "; if it happens again, run with --debug and report it";
      case OutOfMemoryError memory when saysTheWayOut(memory) -> oneLine(memory.getMessage());
      case OutOfMemoryError memory -> "out of memory (" + oneLine(memory.getMessage())
          + "); use a shorter context, or set PARISKV_HEAP=2g if it is the Java heap that is full";
      default ->
        "internal error: " + oneLine(problem.toString()) + "; run again with --debug and report it";
    };
  }

  /** Ours of the GPU's and of pinned memory name what was asked and end in what to do; those of Java do not. */
  private static boolean saysTheWayOut(OutOfMemoryError memory) {
    String message = memory.getMessage();
    return message != null && message.startsWith("cannot ") && message.contains("; ");
  }

  /** Of wrong usage, with the help to turn to. */
  public static String of(ParameterException problem) {
    String message = problem instanceof UnmatchedArgumentException unmatched
        ? unmatched(unmatched)
        : lowerCased(oneLine(problem.getMessage()));
    return START + message + "; see '"
        + problem.getCommandLine().getCommandSpec().qualifiedName() + " --help'";
  }

  private static String unmatched(UnmatchedArgumentException problem) {
    CommandLine command = problem.getCommandLine();
    String argument = oneLine(problem.getUnmatched().getFirst());
    if (!problem.isUnknownOption()) {
      return command.getSubcommands().isEmpty()
          ? "unexpected argument '" + argument + "'; quote a text that has spaces"
          : "no command '" + argument + "'; give one of "
              + String.join(", ", command.getSubcommands().keySet());
    }
    List<String> near = problem.getSuggestions();
    return "unknown option '" + argument + "'"
        + (near.isEmpty() ? "" : " (did you mean " + String.join(" or ", near) + "?)");
  }

  private static String lowerCased(String message) {
    return message.isEmpty()
        ? message
        : message.substring(0, 1).toLowerCase(Locale.ROOT) + message.substring(1);
  }

  /** Without line ends, and without control characters, which files of others may bring in. */
  private static String oneLine(@Nullable String message) {
    return message == null
        ? "no message"
        : message.lines().map(String::strip).collect(Collectors.joining(" "))
            .replaceAll("[\\p{Cntrl}\u2028\u2029]", "?");
  }
}
