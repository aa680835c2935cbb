package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.kv.KvPlacement;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.ValueLayout;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Recordings beside threads that wait for the whole GPU: other backends of ours, and libraries that know nothing of us. */
class RecordingsTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);

  private final FakeCuda fake = new FakeCuda();
  private final FakeCublasLt library = new FakeCublasLt(fake.device());
  private final CudaBackend backend;
  private final Buffer counter;
  private final CudaFunction increment;
  /** Whether another library waits for the GPU in the middle of the next run. */
  private final AtomicBoolean disturbed = new AtomicBoolean();

  RecordingsTest() {
    fake.add(library);
    fake.device().kernel("increment", new int[]{8}, arguments -> {
      var value = arguments.memory(0, 4);
      value.set(ValueLayout.JAVA_INT, 0, value.get(ValueLayout.JAVA_INT, 0) + 1);
    });
    backend = open();
    counter = backend.newAllocator().allocate(DType.I32, 1);
    increment = backend.kernels().function("increment");
  }

  private CudaBackend open() {
    return new CudaBackend(fake.driver(), IMAGE, new CublasLtSearch("fake", Map.of(), name -> fake),
        KvPlacement.DEVICE);
  }

  @AfterEach
  void nothingLeaks() {
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private void launch() {
    backend.kernels().launch().arg(counter).run(increment);
  }

  private void twoLaunches() {
    launch();
    if (disturbed.get()) {
      fake.device().waitForAll();
    }
    launch();
  }

  private int count() {
    backend.kernels().stream().synchronize();
    return fake.device().memory(counter.address(), 4).get(ValueLayout.JAVA_INT, 0);
  }

  @Test
  void aSpoiledRecording_isLaunchedStageByStage_andRecordedInTheNextRun() {
    try (CudaStep step = new CudaStep(backend.kernels().stream(), this::twoLaunches)) {
      step.run();
      disturbed.set(true);
      step.run();
      assertEquals(4, count());
      assertEquals(0, fake.count("cuGraphLaunch"));
      disturbed.set(false);
      step.run();
      step.run();
      assertEquals(8, count());
      assertEquals(2, fake.count("cuGraphLaunch"));
    }
  }

  /** The last call of a recording may be the first that hears of it. */
  @Test
  void aRecordingSpoiledAfterItsLastLaunch_isFoundOut() {
    assertRefused(SpoiledRecordingException.class,
        () -> CudaGraph.capture(backend.kernels().stream(), () -> {
          launch();
          fake.device().waitForAll();
        }), "another thread of this process waited for the whole GPU", "901");
    launch();
    assertEquals(1, count());
  }

  @Test
  void aStepThatIsSpoiledAgainAndAgain_saysWhatToDo() {
    try (CudaStep step = new CudaStep(backend.kernels().stream(), this::twoLaunches)) {
      disturbed.set(true);
      for (int run = 0; run < CudaStep.MOST_SPOILED; run++) {
        step.run();
      }
      assertEquals(2 * CudaStep.MOST_SPOILED, count());
      assertRefused(SpoiledRecordingException.class, step::run, "cudaDeviceSynchronize",
          "a process of its own");
    }
  }

  /** A call that a recording cannot hold is a mistake of the stage, which no later run would do without. */
  @Test
  void whatTheBodyItselfSpoils_isNotTriedAgain() {
    CudaStream stream = backend.kernels().stream();
    AtomicReference<CudaDriver> driver = new AtomicReference<>(stream.driver());
    assertRefused(CudaException.class, () -> CudaGraph.capture(stream, () -> {
      launch();
      driver.get().cuStreamSynchronize(stream.handle());
    }), "cuStreamSynchronize failed with 900");
  }

  /** Closing unloads kernels and ends cuBLASLt, which waits for the whole GPU. */
  @Test
  void aBackendThatIsClosedWhileAnotherRecords_waitsForTheRecording() {
    CompletableFuture<Void> ready = new CompletableFuture<>();
    CompletableFuture<Void> close = new CompletableFuture<>();
    CompletableFuture<Void> closed = new CompletableFuture<>();
    Thread other = Thread.ofPlatform().start(() -> {
      try (CudaBackend second = open()) {
        ready.complete(null);
        close.join();
      } catch (RuntimeException e) {
        closed.completeExceptionally(e);
      }
      closed.complete(null);
    });
    ready.join();
    fake.forget();
    CudaGraph graph = CudaGraph.capture(backend.kernels().stream(), () -> {
      launch();
      close.complete(null);
      while (other.getState() != Thread.State.WAITING || fake.count("cuStreamSynchronize") == 0) {
        Thread.onSpinWait(); // until it can only go on after this
      }
      assertEquals(0, fake.count("cublasLtDestroy"));
      launch();
    });
    assertDoesNotThrow(closed::join);
    assertEquals(1, fake.count("cublasLtDestroy"));
    graph.launch();
    assertEquals(2, count());
    graph.close();
  }

  @Test
  void waitingForTheWholeGpu_insideARecording_isRefused() {
    assertRefused(IllegalStateException.class,
        () -> Recordings.recording(() -> {
          Recordings.apart(() -> {
            // never called
          });
          return 0;
        }), "while a step is being recorded");
  }
}
