package io.pariskv.app;

import static io.pariskv.app.Cli.RECALL_MODEL;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The command line on a machine with a GPU that is hidden from it. Without a GPU it is skipped. */
@Tag("gpu")
@Timeout(value = 120, unit = TimeUnit.SECONDS)
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class GpuProcessTest {
  private static final String REASON = "cuda cannot be used: cuInit failed with 100 CUDA_ERROR_NO_DEVICE";

  private final List<Process> started = new ArrayList<>();

  private Process startHidden(Object... args) throws IOException {
    started.add(ChildJvm.start(Map.of("CUDA_VISIBLE_DEVICES", ""), args));
    return started.getLast();
  }

  @AfterEach
  void end() {
    started.forEach(Process::destroyForcibly);
  }

  private static String output(Process process) throws IOException {
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void cudaAskedFor_isOneLineAndExitCodeOne() throws Exception {
    Process process = startHidden("run", "--backend", "cuda", "--model", RECALL_MODEL, "--prompt",
        "hi", "--max-tokens", 3);

    assertEquals("", output(process));
    String errors = ChildJvm.errors(process);
    assertTrue(errors.startsWith("pariskv: backend " + REASON), errors);
    assertTrue(errors.endsWith("CUDA_VISIBLE_DEVICES must not hide it"), errors);
    assertEquals(1, errors.lines().count(), errors);
    assertEquals(1, process.waitFor());
  }

  @Test
  void cudaNotAskedFor_theCpuAnswers_andInfoSaysWhy() throws Exception {
    Process answer = startHidden("run", "--model", RECALL_MODEL, "--raw", "--prompt", "hi",
        "--max-tokens", 1, "--json");
    String json = output(answer);
    assertTrue(json.contains("\"vector\""), json);
    assertEquals("", ChildJvm.errors(answer));
    assertEquals(0, answer.waitFor());

    Process info = startHidden("info");
    String facts = output(info);
    assertTrue(facts.contains("backend     " + REASON), facts);
    assertEquals(0, info.waitFor());
  }
}
