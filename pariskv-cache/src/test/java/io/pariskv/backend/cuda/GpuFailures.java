package io.pariskv.backend.cuda;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.backend.vector.VectorBackend;
import io.pariskv.error.InputException;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import java.lang.foreign.MemorySegment;

/** What goes wrong on a real GPU, in a process of its own; {@link GpuFailureTest} reads what it prints. */
final class GpuFailures {
  /** On the first page, where neither host nor device has memory. */
  private static final long NOWHERE = 64;

  private static final long PINNED = 256L << 20;

  private GpuFailures() {
  }

  /** Runs one of them. */
  public static void main(String[] args) {
    switch (args[0]) {
      case "open" -> open();
      case "fault" -> fault();
      case "pin" -> pin();
      default -> throw new IllegalArgumentException(args[0]);
    }
    requireCpuWorks();
    say("cpu", "works");
  }

  private static void say(String name, String text) {
    System.out.println(name + ": " + text);
  }

  /** What a machine says whose GPU or driver is not there. */
  private static void open() {
    say("unusable", String.valueOf(CudaBackend.unusable()));
    try (Backend backend = Backends.open("cuda")) {
      say("cuda", "opened " + backend.description());
    } catch (InputException e) {
      say("cuda", String.valueOf(e.getMessage()));
    }
    try (Backend backend = Backends.open("auto")) {
      say("auto", backend.name());
    }
  }

  /** A kernel that writes where nothing is. */
  private static void fault() {
    CudaBackend backend = new CudaBackend();
    Allocator memory = backend.newAllocator();
    Buffer buffer = memory.allocate(DType.F32, 1_000);
    Allocator pinned = backend.newPinnedAllocator();
    pinned.allocate(DType.F32, 1_000);
    attempt("before", () -> backend.download(buffer, MemorySegment.ofArray(new float[1_000])));
    Kernels kernels = backend.kernels();
    attempt("fault", () -> {
      kernels.launch().grid(4).block(256).arg(NOWHERE).arg(NOWHERE).arg(NOWHERE).arg(1f).arg(1_000)
          .run(kernels.function("smoke_add"));
      backend.download(buffer, MemorySegment.ofArray(new float[1_000]));
    });
    attempt("upload", () -> backend.upload(MemorySegment.ofArray(new float[1_000]), buffer));
    attempt("allocate", () -> memory.allocate(DType.U8, 8 << 20));
    attempt("pin", () -> pinned.allocate(DType.U8, 128 << 20));
    attempt("close memory", memory::close);
    attempt("close", backend::close);
    attempt("close again", backend::close);
    attempt("open again", () -> new CudaBackend().close());
  }

  private static void attempt(String name, Runnable action) {
    try {
      action.run();
      say(name, "works");
    } catch (CudaException e) {
      say(name, (e.isFault() ? "fault: " : "failed: ") + e.getMessage());
    } catch (OutOfMemoryError e) {
      say(name, "out of memory: " + e.getMessage());
    }
  }

  /** Under a limit of locked memory that is too low for it. */
  private static void pin() {
    attempt("pinned", () -> {
      try (CudaBackend backend = new CudaBackend();
          Allocator memory = backend.newPinnedAllocator()) {
        say("size", MemoryPlan.humanBytes(memory.allocate(DType.U8, PINNED).byteSize()));
      }
    });
  }

  /** Both CPU backends, whatever happened to the GPU. */
  static void requireCpuWorks() {
    for (Backend each : new Backend[]{new ScalarBackend(), new VectorBackend(2)}) {
      try (Backend backend = each; Allocator memory = backend.newAllocator()) {
        Buffer x = memory.allocate(DType.F32, 1, 64);
        Buffer weight = memory.allocate(DType.F32, 64);
        Buffer y = memory.allocate(DType.F32, 1, 64);
        x.segment().setAtIndex(JAVA_FLOAT, 3, 8); // the root mean square is 1
        weight.segment().setAtIndex(JAVA_FLOAT, 3, 0.5f);
        backend.layers().rmsNorm().normalize(x, weight, 0, y);
        if (y.segment().getAtIndex(JAVA_FLOAT, 3) != 4) {
          throw new IllegalStateException(
              backend.name() + " gives " + y.segment().getAtIndex(JAVA_FLOAT, 3) + " instead of 4");
        }
      }
    }
  }
}
