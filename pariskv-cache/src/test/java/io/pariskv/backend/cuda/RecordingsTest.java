package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.Step;
import io.pariskv.cache.CachePool;
import io.pariskv.cache.DecodeBatch;
import io.pariskv.cache.KvCache;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.method.CountedMethod;
import io.pariskv.method.ExactTopK;
import io.pariskv.method.ZoneSettings;
import io.pariskv.retrieve.Grouping;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.Passes;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
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
  /** What each launch of selection_counts says of its layer: whether it begins a step. */
  private final List<Integer> begins = new ArrayList<>();
  /** Whether another library waits for the GPU in the middle of the next run. */
  private final AtomicBoolean disturbed = new AtomicBoolean();

  RecordingsTest() {
    fake.add(library);
    fake.device().kernel("increment", new int[]{8}, arguments -> {
      var value = arguments.memory(0, 4);
      value.set(ValueLayout.JAVA_INT, 0, value.get(ValueLayout.JAVA_INT, 0) + 1);
    });
    fake.device().kernel("selection_counts", new int[]{8, 8, 8, 8, 8, 4, 4, 4, 8, 8, 8},
        arguments -> begins.add(arguments.integer(7)));
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
  void aStepThatIsSpoiledAgainAndAgain_isRightInEveryRun_andRecordedNoMore() {
    int runs = CudaStep.MOST_SPOILED + 5;
    try (CudaStep step = new CudaStep(backend.kernels().stream(), this::twoLaunches)) {
      disturbed.set(true);
      for (int run = 1; run <= runs; run++) {
        step.run();
        assertEquals(2 * run, count());
      }
      assertEquals(CudaStep.MOST_SPOILED, fake.count("cuStreamBeginCapture_v2"));
      assertEquals(0, fake.count("cuGraphLaunch"));
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
      CudaBackend second = open();
      ready.complete(null);
      close.join();
      try {
        second.close();
        closed.complete(null);
      } catch (RuntimeException e) {
        closed.completeExceptionally(e);
      }
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

  /** A step's body may be gone through several times for one step: spoiled, and then launched. */
  @Test
  void countsOfASpoiledStep_beginWithItsFirstLayer() {
    KvShape shape = new KvShape(2, 4, 2, 32, DType.BF16);
    CountedMethod method = new CountedMethod(
        new ExactTopK(new ZoneSettings(4, 8, 16, 50), 24, Grouping.MEAN));
    try (CachePool pool = new CachePool(backend, shape, method, 1);
        KvCache cache = pool.open();
        Buffers buffers = new Buffers(backend)) {
      new Passes(pool).prefill(cache, "sequence", 300);
      Buffer q = buffers.empty(DType.F32, 1, 4, 32);
      Buffer out = buffers.empty(DType.F32, 1, 4, 32);
      try (DecodeBatch batch = pool.batch(List.of(cache));
          Step step = backend.record(() -> {
            batch.attend(0, q, out);
            if (disturbed.get()) {
              fake.device().waitForAll();
            }
            batch.attend(1, q, out);
          })) {
        for (int run = 0; run < 4; run++) {
          batch.prepare();
          begins.clear();
          disturbed.set(run == 1);
          step.run();
          backend.kernels().stream().synchronize();
          assertEquals(List.of(1, 0), begins, "run " + run);
        }
      }
    }
  }
}
