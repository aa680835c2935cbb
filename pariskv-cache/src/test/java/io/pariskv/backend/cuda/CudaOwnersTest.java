package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.jspecify.annotations.Nullable;

/** Who may use and close what, when and on which thread. */
class CudaOwnersTest {
  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();

  @AfterEach
  void nothingLeaks() {
    context.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  /** Runs {@code action} on another thread and returns what it threw. */
  private static @Nullable Throwable elsewhere(Executable action, boolean virtual) {
    AtomicReference<@Nullable Throwable> thrown = new AtomicReference<>();
    Runnable task = () -> {
      try {
        action.execute();
      } catch (Throwable e) {
        thrown.set(e);
      }
    };
    Thread thread = virtual
        ? Thread.ofVirtual().unstarted(task)
        : Thread.ofPlatform().name("elsewhere").unstarted(task);
    thread.start();
    try {
      thread.join();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
    return thrown.get();
  }

  private static void assertRefusedElsewhere(Executable action, String... parts) {
    Throwable thrown = elsewhere(action, false);
    assertRefused(IllegalStateException.class, () -> {
      if (thrown != null) {
        throw thrown;
      }
    }, parts);
  }

  @Test
  void deviceFacts_areTheDriversAnswers() {
    CudaDevice device = context.device();

    assertEquals("Fake GPU (compute capability 9.0, 132 SMs, 80.0 GiB, driver for CUDA 13.0, "
        + "PCI 0000:1B:00.0)", device.toString());
    assertEquals(227 << 10, device.sharedBytes());
    assertEquals(50 << 20, device.l2Bytes());
    assertEquals(1L << 32, context.memory().freeBytes());
  }

  @Test
  void closingTwice_doesNothing() {
    CudaStream stream = CudaStream.open(context);
    CudaEvent event = CudaEvent.open(context);
    CudaModule module = CudaModule.load(context, new KernelImage(new byte[8], 13_000));
    for (AutoCloseable each : List.of(stream, event, module)) {
      assertDoesNotThrow(each::close);
      assertDoesNotThrow(each::close);
    }
    assertEquals(1, fake.count("cuStreamDestroy_v2"));
    assertEquals(1, fake.count("cuEventDestroy_v2"));
    assertEquals(1, fake.count("cuModuleUnload"));

    context.close();
    context.close();

    assertEquals(1, fake.count("cuDevicePrimaryCtxRelease_v2"));
  }

  @Test
  void useAfterClose_isRefused_andReachesNoDriver() {
    CudaStream stream = CudaStream.open(context);
    CudaEvent event = CudaEvent.open(context);
    CudaModule module = CudaModule.load(context, new KernelImage(new byte[8], 13_000));
    CudaFunction function = module.function("smoke_add");
    CudaStream open = CudaStream.open(context);
    stream.close();
    event.close();
    module.close();
    fake.forget();

    assertRefused(IllegalStateException.class, stream::synchronize, "closed CUDA stream");
    assertRefused(IllegalStateException.class, () -> event.record(open), "closed CUDA event");
    assertRefused(IllegalStateException.class, () -> open.waitFor(event), "closed CUDA event");
    assertRefused(IllegalStateException.class, () -> module.function("smoke_add"),
        "closed CUDA module");
    assertRefused(IllegalStateException.class, () -> new KernelLaunch(open, true).on(open).arg(1L)
        .arg(1L).arg(1L).arg(1f).arg(1).run(function), "closed CUDA module", "smoke_add");
    context.close();
    assertRefused(IllegalStateException.class, open::synchronize, "closed");
    assertRefused(IllegalStateException.class, () -> CudaStream.open(context), "closed",
        "Fake GPU");
    assertRefused(IllegalStateException.class, context::memory, "closed");
    assertEquals(1, fake.count("cuStreamSynchronize")); // of the open stream, when the context closed it
    assertEquals(0, fake.count("cuEventRecord") + fake.launches() + fake.count("cuMemGetInfo_v2"));
  }

  @Test
  void anotherThread_isRefused_untilTheContextIsHandedOver() {
    CudaStream stream = CudaStream.open(context);
    CudaEvent event = CudaEvent.open(context);
    fake.forget();

    assertRefusedElsewhere(stream::synchronize, "elsewhere", Thread.currentThread().getName(),
        "bind()");
    assertRefusedElsewhere(() -> event.record(stream), "elsewhere");
    assertRefusedElsewhere(stream::close, "elsewhere");
    assertRefusedElsewhere(context::close, "elsewhere");
    assertEquals(List.of(), fake.names());

    assertEquals(null, elsewhere(() -> {
      context.bind();
      stream.synchronize();
    }, false));
    assertEquals(List.of("cuCtxSetCurrent", "cuStreamSynchronize"), fake.names());
    assertRefused(IllegalStateException.class, stream::synchronize, "bind()");
    context.bind();
    stream.synchronize();
  }

  @Test
  void aVirtualThread_cannotDriveAContext() {
    Throwable bound = elsewhere(context::bind, true);
    Throwable opened = elsewhere(fake::context, true);

    for (Throwable thrown : new Throwable[]{bound, opened}) {
      assertRefused(IllegalStateException.class, () -> {
        if (thrown != null) {
          throw thrown;
        }
      }, "platform thread");
    }
  }

  @Test
  void closingTheContext_closesWhatIsOpen_newestFirst() {
    CudaStream.open(context);
    CudaEvent.open(context);
    CudaEvent closed = CudaEvent.open(context);
    closed.close();
    assertEquals("[CUDA stream, CUDA event]", context.openResources().toString());
    fake.forget();

    context.close();

    assertEquals(List.of("cuEventDestroy_v2", "cuStreamSynchronize", "cuStreamDestroy_v2",
        "cuDevicePrimaryCtxRelease_v2"), fake.names());
    assertEquals(List.of(), context.openResources());
  }

  @Test
  void aFailureWhileClosing_stopsNoOtherClosing_andIsThrown() {
    CudaStream.open(context);
    CudaEvent.open(context);
    fake.fail("cuEventDestroy_v2", 700);

    CudaException failure = assertThrows(CudaException.class, context::close);

    assertEquals("cuEventDestroy", failure.call());
    assertEquals(1, fake.count("cuStreamDestroy_v2"));
    assertEquals(1, fake.count("cuDevicePrimaryCtxRelease_v2"));
    assertEquals("Event", fake.device().leaks()); // which CUDA refused to end
    fake.device().cuEventDestroy_v2(fake.device().onlyHandle());
  }

  @Test
  void aContextThatCannotBecomeCurrent_isReleased() {
    fake.fail("cuCtxSetCurrent", 201);

    assertRefused(CudaException.class, fake::context, "cuCtxSetCurrent", "201");
    assertEquals(1, fake.count("cuDevicePrimaryCtxRelease_v2"));
  }

  @Test
  void events_orderStreams_andTimeThem() {
    CudaStream first = CudaStream.open(context);
    CudaStream second = CudaStream.open(context);
    CudaEvent start = CudaEvent.timed(context);
    CudaEvent end = CudaEvent.timed(context);
    fake.forget();

    start.record(first);
    second.waitFor(start);
    end.record(second);
    end.synchronize();

    assertEquals(1.5f, end.millisecondsSince(start));
    assertEquals(List.of("cuEventRecord", "cuStreamWaitEvent", "cuEventRecord",
        "cuEventSynchronize", "cuEventElapsedTime_v2"), fake.names());
    FakeCuda.Call elapsed = fake.calls().getLast();
    assertEquals(List.of(start.handle(), end.handle()), elapsed.arguments().subList(1, 3));
  }

  @Test
  void functions_areLookedUpOnce_andAMissingOneIsNamed() {
    CudaModule module = CudaModule.load(context, new KernelImage(new byte[]{1, 2, 3}, 13_000));
    CudaFunction function = module.function("smoke_add");

    assertEquals(function, module.function("smoke_add"));
    assertEquals(1, fake.count("cuModuleGetFunction"));
    assertRefused(CudaException.class, () -> module.function("no_such"), "kernel no_such", "500",
        "build again");
    assertEquals(1000, function.maxThreads());
    assertEquals(1004, function.registers());
    assertEquals(2, function.blocksPerMultiprocessor(256, 0));
    function.allowShared(100_000);
    assertEquals(List.of(function.handle(), 8, 100_000), fake.calls().getLast().arguments());
    fake.fail("cuFuncSetAttribute", 1);
    assertRefused(CudaException.class, () -> function.allowShared(1 << 20), "smoke_add",
        "1048576 bytes");
  }

  @Test
  void anImageTheGpuCannotRun_isRefused_namingBothVersions() {
    fake.fail("cuModuleLoadData", 209);

    assertRefused(CudaException.class,
        () -> CudaModule.load(context, new KernelImage(new byte[8], 13_000)), "CUDA 13.0",
        "Fake GPU", "209", "compute capability 8.0");
  }
}
