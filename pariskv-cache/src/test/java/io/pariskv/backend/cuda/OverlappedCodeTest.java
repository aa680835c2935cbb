package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** What the driver of a real GPU says of our code. */
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class OverlappedCodeTest {

  /** There is machine code for 9.0; for others there is what was made for 8.0. */
  @Test
  void codeWaits_onTheGpusThatItWasCompiledForWithTheInstruction() {
    try (CudaBackend backend = new CudaBackend()) {
      boolean made = backend.device().major() == 9;
      assertEquals(made, backend.kernels().function("rms_norm_wide").waits(),
          backend.description());
    }
  }

  @Test
  void whatABlockCanHave_isWhatTheKernelsDoNotDeclare() {
    try (CudaBackend backend = new CudaBackend()) {
      int declared = StaticShared.of("retrieval_score_vote");
      int beside = backend.device().sharedBytes()
          - backend.kernels().function("retrieval_score_vote").mostShared();
      assertTrue(beside >= declared && beside <= declared + 1024,
          () -> beside + " bytes, and the kernel declares " + declared); // the driver may count its own
    }
  }
}
