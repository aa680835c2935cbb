package io.pariskv.app;

import io.pariskv.app.cli.BenchCommand;
import io.pariskv.app.cli.CacheCommand;
import io.pariskv.app.cli.ChatCommand;
import io.pariskv.app.cli.CompareCommand;
import io.pariskv.app.cli.DemoCommand;
import io.pariskv.app.cli.ErrorLine;
import io.pariskv.app.cli.EvalCommand;
import io.pariskv.app.cli.InfoCommand;
import io.pariskv.app.cli.LogitsCommand;
import io.pariskv.app.cli.RunCommand;
import io.pariskv.app.cli.ServeCommand;
import io.pariskv.error.InputException;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/**
 * The command line. Exit code 0 for success, 2 for wrong usage, 1 for everything else; an error is one
 * line on standard error.
 */
@Command(name = "pariskv", mixinStandardHelpOptions = true, version = "pariskv 0.1.0", description = "Long-context LLM inference on the JVM, with ParisKV beside full attention.", subcommands = {
    DemoCommand.class, RunCommand.class, ChatCommand.class, LogitsCommand.class,
    InfoCommand.class, BenchCommand.class, CompareCommand.class, EvalCommand.class,
    ServeCommand.class, CacheCommand.class})
public final class Main implements Runnable {
  private static final String DEBUG = "--debug";

  @CommandLine.Spec
  private CommandLine.Model.CommandSpec spec;

  @Option(names = DEBUG, scope = ScopeType.INHERIT, description = "Show the stack trace of an error.")
  private boolean debug;

  private Main() {
  }

  /** Runs a command and exits with its code. */
  public static void main(String[] args) {
    StandardOutput standard = new StandardOutput(new FileOutputStream(FileDescriptor.out));
    PrintWriter out = utf8(standard);
    PrintWriter err = utf8(new FileOutputStream(FileDescriptor.err));
    int code = unreadable(args) ? refuseUnreadable(err) : run(args, out, err);
    out.flush();
    IOException lost = standard.failure();
    if (lost != null) {
      code = CommandLine.ExitCode.SOFTWARE;
      if (!StandardOutput.isReaderGone(lost)) {
        err.println(ErrorLine.of(new InputException(
            "standard output: cannot be written (" + lost.getMessage() + ")", lost)));
      }
    }
    System.exit(code);
  }

  private static PrintWriter utf8(OutputStream stream) {
    return new PrintWriter(stream, true, StandardCharsets.UTF_8);
  }

  /** In a locale without UTF-8, Java reads what is not ASCII as replacement characters. */
  private static boolean unreadable(String[] args) {
    return !"UTF-8".equals(System.getProperty("sun.jnu.encoding"))
        && Arrays.stream(args).anyMatch(arg -> arg.indexOf('\uFFFD') >= 0);
  }

  private static int refuseUnreadable(PrintWriter err) {
    err.println(ErrorLine.of(new InputException("an argument has characters outside the locale's "
        + System.getProperty("sun.jnu.encoding")
        + "; set LC_ALL=C.UTF-8, or give the text by --prompt-file")));
    return CommandLine.ExitCode.USAGE;
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
    line.setExecutionExceptionHandler((exception, command, parsed) -> report(
        ErrorLine.of(exception), exception, main.traced(args), err, CommandLine.ExitCode.SOFTWARE));
    line.setParameterExceptionHandler((exception, arguments) -> report(ErrorLine.of(exception),
        exception, main.traced(args), err, CommandLine.ExitCode.USAGE));
    try {
      return line.execute(args);
    } catch (Error e) { // out of memory, or a native library that does not load: picocli hands them on
      return report(ErrorLine.of(e), e, main.traced(args), err, CommandLine.ExitCode.SOFTWARE);
    }
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(spec.commandLine(),
        "give a command: demo, run, chat, logits, info, bench, eval, serve or cache");
  }

  /** Whether a stack trace is wanted; arguments after a wrong one were not parsed. */
  private boolean traced(String[] args) {
    return debug || Arrays.asList(args).contains(DEBUG);
  }

  private static int report(String message, Throwable problem, boolean traced, PrintWriter err,
      int code) {
    err.println(message);
    if (traced) {
      problem.printStackTrace(err);
    }
    err.flush();
    return code;
  }
}
