package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Recording: the sequence of calls, what the graph holds, and what is left when something fails. */
class CudaGraphTest {
  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final CudaModule module = CudaModule.load(context,
      new KernelImage(new byte[8], 13_000));
  private final Kernels kernels;
  private final DeviceAllocator memory = new DeviceAllocator(stream);
  private final Buffer counter = memory.allocate(DType.I32, 1);
  private final CudaFunction increment;

  CudaGraphTest() {
    fake.device().kernel("increment", new int[]{8}, arguments -> {
      var value = arguments.memory(0, 4);
      value.set(ValueLayout.JAVA_INT, 0, value.get(ValueLayout.JAVA_INT, 0) + 1);
    });
    kernels = new Kernels(module, stream, StagingRing.open(stream));
    increment = kernels.function("increment");
  }

  @AfterEach
  void nothingLeaks() {
    context.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private void body() {
    kernels.launch().arg(counter).run(increment);
  }

  private int count() {
    stream.synchronize();
    return fake.device().memory(counter.address(), 4).get(ValueLayout.JAVA_INT, 0);
  }

  @Test
  void capture_runsNothing_eachLaunchRunsAll() {
    fake.forget();
    CudaGraph graph = CudaGraph.capture(stream, () -> {
      body();
      body();
    });

    assertEquals(List.of("cuStreamBeginCapture_v2", "cuLaunchKernel", "cuLaunchKernel",
        "cuStreamEndCapture", "cuGraphInstantiateWithFlags", "cuGraphDestroy"), fake.names());
    assertEquals(1, fake.calls().getFirst().arguments().get(1)); // thread local
    assertEquals(0, count());
    graph.launch();
    graph.launch();
    assertEquals(4, count());
    graph.close();
    graph.close();
    assertEquals(1, fake.count("cuGraphExecDestroy"));
    assertRefused(IllegalStateException.class, graph::launch, "closed CUDA graph");
  }

  @Test
  void aBodyThatFails_endsTheCapture_andLeavesTheStreamUsable() {
    for (Throwable failure : new Throwable[]{new IllegalStateException("stage"),
        new OutOfMemoryError("stage")}) {
      assertEquals(failure, assertThrows(Throwable.class, () -> CudaGraph.capture(stream, () -> {
        body();
        if (failure instanceof Error error) {
          throw error;
        }
        throw (RuntimeException) failure;
      })));
    }
    body();
    assertEquals(1, count());
  }

  @Test
  void everyFailingCall_leavesNoGraph() {
    for (String call : List.of("cuStreamBeginCapture_v2", "cuStreamEndCapture",
        "cuGraphInstantiateWithFlags", "cuLaunchKernel")) {
      fake.fail(call, 999);
      assertRefused(CudaException.class, () -> CudaGraph.capture(stream, this::body), "999");
      if (call.equals("cuStreamEndCapture")) {
        fake.device().cuStreamBeginCapture_v2(stream.handle(), 1); // it had failed in the fake only
      }
    }
    // A graph that cannot be destroyed takes its executable with it.
    fake.fail("cuGraphDestroy", 400);
    assertRefused(CudaException.class, () -> CudaGraph.capture(stream, this::body), "400");
    assertEquals(1, fake.count("cuGraphExecDestroy"));
    fake.device().forgetGraphs();
  }

  @Test
  void whatAGraphCannotHold_isRefusedWhileCapturing() {
    CudaEvent event = CudaEvent.open(context);
    for (Runnable each : List.<Runnable>of(stream::synchronize, event::synchronize,
        () -> memory.allocate(DType.U8, 5), event::close, context::await)) {
      assertRefused(IllegalStateException.class, () -> CudaGraph.capture(stream, each),
          "while a step is being recorded");
    }
    memory.allocate(DType.U8, 5);
    stream.synchronize();
  }

  @Test
  void aStepInsideAStep_isRefused() {
    assertRefused(IllegalStateException.class, () -> CudaGraph.capture(stream,
        () -> CudaGraph.capture(stream, this::body)), "inside another");
  }
}
