package io.pariskv.app;

import io.pariskv.app.cli.BenchCommand;
import io.pariskv.app.cli.ChatCommand;
import io.pariskv.app.cli.DemoCommand;
import io.pariskv.app.cli.InfoCommand;
import io.pariskv.app.cli.LogitsCommand;
import io.pariskv.app.cli.RunCommand;
import io.pariskv.error.InputException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/** The command line. Exit code 0 for success, 2 for wrong usage, 1 for everything else. */
@Command(name = "pariskv", mixinStandardHelpOptions = true, version = "pariskv 0.1.0", description = "Long-context LLM inference on the JVM, with ParisKV beside full attention.", subcommands = {
    DemoCommand.class, RunCommand.class, ChatCommand.class, LogitsCommand.class,
    InfoCommand.class, BenchCommand.class})
public final class Main implements Runnable {
  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(names = "--debug", scope = ScopeType.INHERIT, description = "Show the stack trace of an error.")
  private boolean debug;

  private Main() {
  }

  /** Runs a command and exits with its code. */
  public static void main(String[] args) {
    System.exit(run(args, utf8(FileDescriptor.out), utf8(FileDescriptor.err)));
  }

  private static PrintWriter utf8(FileDescriptor descriptor) {
    return new PrintWriter(new FileOutputStream(descriptor), true, StandardCharsets.UTF_8);
  }

  /**
   * Runs a command.
   *
   * @return the exit code
   */
  public static int run(String[] args, PrintWriter out, PrintWriter err) {
    Main main = new Main();
    CommandLine line = new CommandLine(main).setOut(out).setErr(err)
        .setCaseInsensitiveEnumValuesAllowed(true).setUsageHelpAutoWidth(true);
    line.setExecutionExceptionHandler((exception, command, parsed) -> main.report(exception, err));
    line.setParameterExceptionHandler((exception, arguments) -> {
      err.println("pariskv: " + oneLine(exception.getMessage()) + " (see --help)");
      if (main.debug) {
        exception.printStackTrace(err);
      }
      return CommandLine.ExitCode.USAGE;
    });
    try {
      return line.execute(args);
    } catch (OutOfMemoryError e) { // picocli hands on exceptions only
      return main.report(e, err);
    }
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(),
        "give a command: demo, run, chat, logits, info or bench");
  }

  private int report(Throwable problem, PrintWriter err) {
    err.println("pariskv: " + switch (problem) {
      case InputException input -> oneLine(input.getMessage());
      case OutOfMemoryError memory ->
        "out of memory (" + oneLine(memory.getMessage()) + "); use a shorter context";
      default ->
        "internal error: " + oneLine(problem.toString()) + "; run again with --debug and report it";
    });
    if (debug) {
      problem.printStackTrace(err);
    }
    err.flush();
    return CommandLine.ExitCode.SOFTWARE;
  }

  private static String oneLine(@org.jspecify.annotations.Nullable String message) {
    return message == null
        ? ""
        : message.lines().map(String::strip).collect(java.util.stream.Collectors.joining(" "));
  }
}
