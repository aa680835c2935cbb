package io.pariskv.app;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** What only a process of its own shows: streams, signals and exit codes. */
@Timeout(value = 120, unit = TimeUnit.SECONDS)
@Execution(ExecutionMode.CONCURRENT)
class ProcessTest {
  private final List<Process> started = new ArrayList<>();

  private Process start(Object... args) throws IOException {
    started.add(ChildJvm.start(args));
    return started.getLast();
  }

  @AfterEach
  void end() {
    started.forEach(Process::destroyForcibly);
  }

  @Test
  void prompt_fromStandardInputInUtf8_isAnsweredAndTheExitCodeIsZero() throws Exception {
    Process process = start("run", "--model", RECALL_MODEL, "--raw", "--max-tokens", 3, "--json");
    try (var in = process.getOutputStream()) {
      in.write("\uD83D\uDE00".getBytes(StandardCharsets.UTF_8));
    }
    String out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals("", ChildJvm.errors(process));
    assertEquals(0, process.waitFor());
    assertTrue(out.contains("\"prompt_tokens\":4,"), "four bytes, four tokens: " + out);
  }

  @Test
  void errors_areOneLineAndAnExitCode() throws Exception {
    Process process = start("run", "--model", RECALL_MODEL.resolve("none"), "--prompt", "hi");
    assertEquals("", new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
    assertTrue(ChildJvm.errors(process).matches("pariskv: .*none: no such directory; give .*"));
    assertEquals(1, process.waitFor());
    process = start("run", "--nope");
    assertTrue(ChildJvm.errors(process).startsWith("pariskv: "));
    assertEquals(2, process.waitFor());
  }

  @Test
  void readerThatGoesAway_endsTheAnswerWithoutAWord() throws Exception {
    Process process = start("run", "--model", RECALL_MODEL, "--prompt", "hi", "--ignore-eos",
        "--max-tokens",
        1_000_000, "--temperature", 2);
    process.getOutputStream().close();
    try (var out = process.getInputStream()) {
      assertNotEquals(-1, out.read());
    }
    assertEquals("", ChildJvm.errors(process));
    assertEquals(1, process.waitFor());
  }

  @Test
  void signal_endsTheProcessWithoutAStackTrace() throws Exception {
    Process process = start("run", "--model", RECALL_MODEL, "--prompt", "hi", "--ignore-eos",
        "--max-tokens",
        1_000_000, "--temperature", 2);
    assertNotEquals(-1, process.getInputStream().read(), "it is at work");
    process.toHandle().destroy(); // unlike its own destroy, this leaves the streams open
    String errors = ChildJvm.errors(process);
    assertFalse(errors.contains("Exception") || errors.contains("\tat "), errors);
    assertNotEquals(0, process.waitFor());
  }
}
