package io.pariskv.testing;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A main class of the tests in a process of its own, started as this one was: for what ends a process, or the
 * use of the GPU in it. It prints lines such as {@code name: text}.
 */
public final class ChildJvm {
  /** A process that takes longer hangs. */
  private static final int SECONDS = 100;

  private final Class<?> main;
  private final Map<String, String> environment = new HashMap<>();
  private final List<String> wrapper = new ArrayList<>();

  /** What a process left behind. */
  public record Outcome(int code, String text) {

    /** Whether it printed a line of that name. */
    public boolean has(String name) {
      return text.lines().anyMatch(line -> line.startsWith(name + ": "));
    }

    /** Requires one line of that name, with every one of {@code parts}. */
    public Outcome says(String name, String... parts) {
      List<String> lines = text.lines().filter(line -> line.startsWith(name + ": ")).toList();
      assertTrue(lines.size() == 1, () -> "not one line '" + name + "' in: " + this);
      for (String part : parts) {
        assertTrue(lines.getFirst().contains(part), () -> "no '" + part + "' in: " + lines);
      }
      return this;
    }
  }

  /** A process with the {@code main} method of that class. */
  public ChildJvm(Class<?> main) {
    this.main = main;
  }

  /** Sets a variable of its environment. */
  public ChildJvm with(String variable, String value) {
    environment.put(variable, value);
    return this;
  }

  /** Starts it by way of a command that takes a command. */
  public ChildJvm under(List<String> command) {
    wrapper.addAll(command);
    return this;
  }

  /** Runs it; fails if it hangs. */
  public Outcome run(String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(wrapper);
    command.addAll(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
        "-XX:+UseSerialGC", "-Xmx512m", "-cp",
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
        main.getName()));
    command.addAll(List.of(args));
    Path output = Files.createTempFile("child", ".txt");
    try {
      ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true)
          .redirectOutput(output.toFile());
      builder.environment().putAll(environment);
      Process process = builder.start();
      boolean ended = process.waitFor(SECONDS, TimeUnit.SECONDS);
      process.destroyForcibly();
      assertTrue(ended, () -> "hangs: " + command + ", so far: " + read(output));
      return new Outcome(process.exitValue(), read(output));
    } finally {
      Files.delete(output);
    }
  }

  private static String read(Path output) {
    try {
      return Files.readString(output);
    } catch (IOException e) {
      return e.toString();
    }
  }
}
