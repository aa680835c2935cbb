package io.pariskv.app;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** The command line in a process of its own: for what only a process has. */
final class ChildJvm {
  /** Printed by the virtual machine itself; no option turns it off. */
  private static final String INCUBATOR = "WARNING: Using incubator modules: jdk.incubator.vector";

  private ChildJvm() {
  }

  /** Starts it with the class path of this test. */
  static Process start(Object... args) throws IOException {
    return start(Map.of(), args);
  }

  /** The same with these variables in its environment. */
  static Process start(Map<String, String> environment, Object... args) throws IOException {
    List<String> command = new ArrayList<>(
        List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--add-modules=jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED", "-Xmx512m",
            "-XX:TieredStopAtLevel=1", "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            Main.class.getName()));
    for (Object arg : args) {
      command.add(arg.toString());
    }
    ProcessBuilder builder = new ProcessBuilder(command);
    // Options of the user's, which a virtual machine reports where its output is looked at.
    builder.environment().keySet().removeAll(List.of("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS"));
    builder.environment().putAll(environment);
    return builder.start();
  }

  /** Its standard error, without what the virtual machine says. */
  static String errors(Process process) throws IOException {
    try (var err = process.errorReader()) {
      return String.join("\n", err.lines().filter(line -> !line.equals(INCUBATOR)).toList());
    }
  }
}
