package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.ChildJvm;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What really goes wrong on a real GPU: each is provoked, said in one line with the call, the code and the way
 * out, leaves nothing behind, and leaves the CPU backends working. The same failures on the fake GPU, which can
 * fail anywhere, are in {@code CudaMemoryTest}, {@code CudaOwnersTest} and {@code CudaBackendTest}.
 *
 * <p>A provocation that a machine does not take, such as a limit that its driver does not ask, is skipped with
 * the reason. Without a GPU all are.
 */
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class GpuFailureTest {
  private static final long MIB = 1 << 20;
  private static final String LIBRARY_PATH = "LD_LIBRARY_PATH";

  @AfterEach
  void cpuStillWorks() {
    GpuFailures.requireCpuWorks();
  }

  private static ChildJvm child() {
    return new ChildJvm(GpuFailures.class);
  }

  private static void assertWorksWithoutGpu(ChildJvm.Outcome outcome, String... reason) {
    outcome.says("unusable", reason).says("cuda", reason)
        .says("cuda", "backend cuda cannot be used: ").says("auto", "vector").says("cpu", "works");
    assertEquals(0, outcome.code(), outcome::text);
  }

  @ParameterizedTest
  @CsvSource({"''", "-1"})
  void hiddenGpu_isNamed_andAutoTakesTheCpu(String visible) throws Exception {
    assertWorksWithoutGpu(child().with("CUDA_VISIBLE_DEVICES", visible).run("open"), "cuInit",
        "100 CUDA_ERROR_NO_DEVICE", "CUDA_VISIBLE_DEVICES must not hide it");
  }

  /** The system's search ends at the first file of that name, which here is no library. */
  @Test
  void missingDriver_isNamed_andAutoTakesTheCpu(@TempDir Path directory) throws Exception {
    Files.writeString(directory.resolve("libcuda.so.1"), "not a library\n");
    ChildJvm.Outcome outcome = child().with(LIBRARY_PATH,
        directory + ":" + Objects.requireNonNullElse(System.getenv(LIBRARY_PATH), "")).run("open");

    assumeFalse(outcome.text().contains("unusable: null"),
        () -> "the loader goes on to another libcuda.so.1: " + outcome.text());
    assertWorksWithoutGpu(outcome, "no libcuda.so.1", "install the NVIDIA driver");
  }

  @Test
  void kernelThatFaults_endsTheGpuForTheProcess_andNothingElse() throws Exception {
    String[] fault = {"fault: ", "failed with 700 CUDA_ERROR_ILLEGAL_ADDRESS",
        "this process can use CUDA no more (--backend vector can go on)", "compute-sanitizer"};

    ChildJvm.Outcome outcome = child().run("fault");

    outcome.says("before", "works").says("fault", fault).says("upload", ": ");
    outcome.says("allocate", fault).says("allocate", "cuMemAlloc", "[8388608] u8");
    outcome.says("pin", fault).says("pin", "cuMemHostRegister");
    outcome.says("close memory", fault).says("close", fault).says("close again", "works");
    outcome.says("open again", ": ").says("cpu", "works");
    assertEquals(0, outcome.code(), outcome::text);
    System.out.println(outcome.text());
  }

  /** Pages that are spoilt before CUDA sees them. */
  private static final class SpoiltPages implements HostPages {
    private final HostPages system = new HostPages.Linux();
    private final List<MemorySegment> mapped = new ArrayList<>();
    private final Consumer<MemorySegment> spoil;
    private final Consumer<MemorySegment> repair;
    private boolean spoiling = true;

    SpoiltPages(Consumer<MemorySegment> spoil, Consumer<MemorySegment> repair) {
      this.spoil = spoil;
      this.repair = repair;
    }

    @Override
    public MemorySegment map(long bytes) {
      MemorySegment memory = system.map(bytes);
      mapped.add(memory);
      if (spoiling) {
        spoil.accept(memory);
      }
      return memory;
    }

    @Override
    public void unmap(MemorySegment memory) {
      if (spoiling) {
        repair.accept(memory);
      }
      assertTrue(mapped.remove(memory));
      system.unmap(memory);
    }
  }

  private static void assertRegistrationRefused(CudaBackend backend, SpoiltPages pages,
      Class<? extends Throwable> type, String... parts) {
    PinnedAllocator memory = new PinnedAllocator(backend.kernels().context(), pages,
        () -> 64 * MIB, 2 * MIB, 2 * MIB);
    Throwable refusal = refusal(memory);
    assertEquals(type, refusal.getClass());
    String message = String.valueOf(refusal.getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
    }
    assertEquals(List.of(), pages.mapped);
    assertEquals(0, memory.pinnedBytes());

    pages.spoiling = false;
    Buffer next = memory.allocate(DType.I32, 3);
    backend.upload(MemorySegment.ofArray(new int[]{1, 2, 3}), next);
    int[] back = new int[3];
    backend.download(next, MemorySegment.ofArray(back));
    assertArrayEquals(new int[]{1, 2, 3}, back);
    memory.close();
    assertEquals(List.of(), pages.mapped);
  }

  private static Throwable refusal(PinnedAllocator memory) {
    try {
      memory.allocate(DType.U8, 100);
    } catch (OutOfMemoryError | CudaException e) {
      return e;
    }
    memory.close();
    return org.junit.jupiter.api.Assumptions.abort("this driver registers such memory");
  }

  @Test
  void memoryRegisteredAlready_isRefused_andTheNextIsNot() {
    try (CudaBackend backend = new CudaBackend()) {
      CudaDriver driver = backend.kernels().context().driver();
      assertRegistrationRefused(backend,
          new SpoiltPages(memory -> driver.cuMemHostRegister(memory, memory.byteSize(), 0),
              driver::cuMemHostUnregister),
          CudaException.class, // a mistake of the program, and no want of memory
          "cannot allocate [100] u8 in pinned host memory", "2.0 MiB cannot be locked",
          "cuMemHostRegister failed with 712", "registered already");
    }
  }

  /** 0: no access at all; 1: read only. */
  @ParameterizedTest
  @CsvSource({"0", "1"})
  void memoryThatCannotBeWritten_isRefused_andTheNextIsNot(int protection) {
    try (CudaBackend backend = new CudaBackend()) {
      assertRegistrationRefused(backend,
          new SpoiltPages(memory -> protect(memory, protection), _ -> {
          }), OutOfMemoryError.class, "cannot allocate [100] u8 in pinned host memory",
          "2.0 MiB cannot be locked",
          "cuMemHostRegister failed with ", "CUDA_ERROR_", "; ");
    }
  }

  private static void protect(MemorySegment memory, int protection) {
    MethodHandle mprotect = Linker.nativeLinker().downcallHandle(
        Linker.nativeLinker().defaultLookup().findOrThrow("mprotect"),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
            ValueLayout.JAVA_INT));
    try {
      assertEquals(0, (int) mprotect.invokeExact(memory.address(), memory.byteSize(), protection));
    } catch (Throwable e) {
      throw new AssertionError("mprotect", e);
    }
  }

  @Test
  void limitOfLockedMemory_isNamedWithTheWayToRaiseIt() throws Exception {
    List<String> limited = new ArrayList<>(
        List.of("sh", "-c", "ulimit -l 32768 2>/dev/null; exec \"$@\"", "sh")); // or less already
    if (Files.isExecutable(Path.of("/usr/bin/setpriv"))) { // root may lock what it likes
      limited.addAll(List.of("setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"));
    }

    ChildJvm.Outcome outcome = child().under(limited).run("pin");

    assumeTrue(outcome.has("pinned"), () -> "the limit cannot be set here: " + outcome.text());
    assumeFalse(outcome.has("size"), "this driver does not count pinned memory as locked");
    outcome.says("pinned", "cuMemHost", "failed with ", "ulimit -l unlimited").says("cpu", "works");
    assertEquals(0, outcome.code(), outcome::text);
  }
}
