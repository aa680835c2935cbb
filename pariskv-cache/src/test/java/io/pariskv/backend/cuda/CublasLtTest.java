package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** The binding of cuBLASLt, function by function, and where the library is looked for. */
class CublasLtTest {
  /** Where C writes a result, or reads a value; any address will do. */
  private static final Object ANY = new Object();

  /** Wider than 32 bits, all different, so that a cut or a swapped argument shows. */
  private static final long X = 0x1_0000_0a01L;

  private final FakeCuda fake = new FakeCuda();
  private final FakeCublasLt library = new FakeCublasLt(fake.device());
  private final CublasLt calls = new CublasLt(fake.add(library));
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment host = arena.allocate(96);
  private final List<String> tried = new ArrayList<>();

  @AfterEach
  void nothingLeaks() {
    arena.close();
    context.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private record Case(String symbol, Consumer<CublasLt> call, Object... arguments) {
  }

  private List<Case> cases() {
    long at = host.address();
    return List.of(new Case("cublasLtCreate", CublasLt::cublasLtCreate, ANY),
        new Case("cublasLtDestroy", c -> c.cublasLtDestroy(X), X),
        new Case("cublasLtGetProperty", c -> c.cublasLtGetProperty(2), 2, ANY),
        new Case("cublasLtMatmulDescCreate", c -> c.cublasLtMatmulDescCreate(68, 3), ANY, 68, 3),
        new Case("cublasLtMatmulDescDestroy", c -> c.cublasLtMatmulDescDestroy(X), X),
        new Case("cublasLtMatmulDescSetAttribute", c -> c.cublasLtMatmulDescSetAttribute(X, 3, 1),
            X, 3, ANY, 4L),
        new Case("cublasLtMatmulDescSetAttribute", c -> c.cublasLtMatmulDescSetAttribute(X, 8, 1L),
            X, 8, ANY, 8L),
        new Case("cublasLtMatrixLayoutCreate",
            c -> c.cublasLtMatrixLayoutCreate(14, X, X + 1, X + 2), ANY, 14, X, X + 1, X + 2),
        new Case("cublasLtMatrixLayoutDestroy", c -> c.cublasLtMatrixLayoutDestroy(X), X),
        new Case("cublasLtMatmulPreferenceCreate", CublasLt::cublasLtMatmulPreferenceCreate, ANY),
        new Case("cublasLtMatmulPreferenceDestroy", c -> c.cublasLtMatmulPreferenceDestroy(X), X),
        new Case("cublasLtMatmulPreferenceSetAttribute",
            c -> c.cublasLtMatmulPreferenceSetAttribute(X, 5, 16), X, 5, ANY, 4L),
        new Case("cublasLtMatmulPreferenceSetAttribute",
            c -> c.cublasLtMatmulPreferenceSetAttribute(X, 1, X), X, 1, ANY, 8L),
        new Case("cublasLtMatmulAlgoGetHeuristic",
            c -> c.cublasLtMatmulAlgoGetHeuristic(X, X + 1, X + 2, X + 3, X + 4, X + 5, X + 6, 7,
                host),
            X, X + 1, X + 2, X + 3, X + 4, X + 5, X + 6, 7, at, ANY),
        new Case("cublasLtMatmul",
            c -> c.cublasLtMatmul(X, X + 1, host, X + 2, X + 3, X + 4, X + 5, host.asSlice(8),
                X + 6,
                X + 7, X + 8, X + 9, host.asSlice(16), X + 10, X + 11, X + 12),
            X, X + 1, at, X + 2, X + 3, X + 4, X + 5, at + 8, X + 6, X + 7, X + 8, X + 9, at + 16,
            X + 10, X + 11, X + 12));
  }

  /** The fake answers before it looks at the arguments, since handles and addresses are made up. */
  @Test
  void everyFunction_passesItsArguments_andNamesItsFailure() {
    Set<String> called = new HashSet<>();
    for (Case each : cases()) {
      fake.forget();
      fake.fail(each.symbol, 13);
      CudaException failure = assertThrows(CudaException.class, () -> each.call.accept(calls),
          each.symbol);

      FakeCuda.Call call = fake.calls().getFirst();
      assertEquals(each.symbol, call.function());
      assertEquals(each.arguments.length, call.arguments().size(), each.symbol);
      for (int i = 0; i < each.arguments.length; i++) {
        if (each.arguments[i] != ANY) {
          assertEquals(each.arguments[i], call.arguments().get(i), each.symbol + " " + i);
        }
      }
      assertEquals(each.symbol, failure.call());
      assertEquals("CUBLAS_STATUS_EXECUTION_FAILED", failure.name());
      called.add(failure.call());
    }
    assertEquals(Arrays.stream(CublasLt.class.getDeclaredMethods()).map(method -> method.getName())
        .filter(name -> name.startsWith("cublas")).collect(Collectors.toSet()), called);
  }

  @Test
  void failures_nameCallStatusAndWayOut() {
    record Expected(int status, String name, String wayOut) {
    }
    for (Expected each : List.of(new Expected(1, "NOT_INITIALIZED", "update the NVIDIA driver"),
        new Expected(3, "ALLOC_FAILED", "lower --context"),
        new Expected(7, "INVALID_VALUE", "PARISKV_CUBLASLT=none"),
        new Expected(8, "ARCH_MISMATCH", "PARISKV_CUBLASLT=none"),
        new Expected(11, "MAPPING_ERROR", "CUDA_LAUNCH_BLOCKING"),
        new Expected(13, "EXECUTION_FAILED", "CUDA_LAUNCH_BLOCKING"),
        new Expected(14, "INTERNAL_ERROR", "CUDA_LAUNCH_BLOCKING"),
        new Expected(15, "NOT_SUPPORTED", "PARISKV_CUBLASLT=none"),
        new Expected(77, "77", "PARISKV_CUBLASLT=none"))) {
      fake.fail("cublasLtCreate", each.status);
      assertRefused(CudaException.class, calls::cublasLtCreate, "cublasLtCreate failed with "
          + each.status + " CUBLAS_STATUS_" + each.name, each.wayOut);
    }
  }

  private CublasLtSearch search(@Nullable String property, Map<String, String> environment,
      String... present) {
    tried.clear();
    return new CublasLtSearch(property, environment, name -> {
      tried.add(name);
      if (!List.of(present).contains(name)) {
        throw new IllegalArgumentException("Cannot open library: " + name);
      }
      return fake;
    });
  }

  @Test
  void withoutADemand_theFirstLibraryThatIsThere_isTaken() {
    Map<String, String> home = Map.of("CUDA_HOME", "/opt/cuda");
    CublasLtSearch.Found found = search(null, home, "/usr/local/cuda/lib64/libcublasLt.so.12",
        "/usr/lib/x86_64-linux-gnu/libcublasLt.so").open(stream);

    assertNotNull(found.handle());
    assertEquals("/usr/local/cuda/lib64/libcublasLt.so.12, version 13.1.2", found.description());
    assertEquals(List.of("libcublasLt.so.13", "libcublasLt.so.12", "libcublasLt.so",
        "/opt/cuda/lib64/libcublasLt.so.13", "/opt/cuda/lib64/libcublasLt.so.12",
        "/opt/cuda/lib64/libcublasLt.so", "/usr/local/cuda/lib64/libcublasLt.so.13",
        "/usr/local/cuda/lib64/libcublasLt.so.12"), tried);
  }

  @Test
  void aLibraryThatDoesNotRunHere_isPassedOver_andNamed() {
    fake.fail("cublasLtCreate", 1);
    CublasLtSearch.Found found = search(null, Map.of(), "libcublasLt.so.13", "libcublasLt.so.12")
        .open(stream);
    assertEquals("libcublasLt.so.12, version 13.1.2", found.description());

    library.major = 11;
    String absent = search(null, Map.of(), "libcublasLt.so").open(stream).description();
    for (String part : List.of("not found", "libcublasLt.so.13, libcublasLt.so.12, libcublasLt.so",
        "/usr/local/cuda/lib64", "/usr/lib/x86_64-linux-gnu",
        "libcublasLt.so: it is version 11.1.2",
        "install cuBLAS", "PARISKV_CUBLASLT")) {
      assertTrue(absent.contains(part), () -> "no '" + part + "' in: " + absent);
    }
  }

  @Test
  void aDemand_isMet_orAnError_neverAnotherLibraryInstead() {
    Map<String, String> variable = Map.of("PARISKV_CUBLASLT", "/there/lib.so");
    assertEquals("/there/lib.so, version 13.1.2",
        search(null, variable, "/there/lib.so", "libcublasLt.so.13").open(stream).description());
    search("/mine.so", variable, "/mine.so").open(stream);
    assertEquals(List.of("/mine.so"), tried);

    assertRefused(InputException.class,
        () -> search(null, variable, "libcublasLt.so.13").open(stream), "/there/lib.so",
        "PARISKV_CUBLASLT", "Cannot open", "none");
    fake.fail("cublasLtCreate", 1);
    assertRefused(InputException.class, () -> search("/mine.so", Map.of(), "/mine.so").open(stream),
        "/mine.so", "-Dpariskv.cublaslt", "NOT_INITIALIZED");
    fake.without("cublasLtMatmul");
    assertRefused(InputException.class, () -> search("/mine.so", Map.of(), "/mine.so").open(stream),
        "/mine.so", "cublasLtMatmul");
    CublasLtSearch.Found none = search("none", variable, "/there/lib.so").open(stream);
    assertNull(none.handle());
    assertTrue(none.description().startsWith("not used"), none::description);
  }

  @Test
  void whateverFailsWhileItStarts_leavesNothing() {
    for (String call : List.of("cublasLtCreate", "cublasLtMatmulPreferenceCreate",
        "cublasLtMatmulPreferenceSetAttribute")) {
      fake.fail(call, 14);
      assertThrows(CudaException.class, () -> CublasLtHandle.open(stream, calls), call);
      assertEquals("[CUDA stream]", context.openResources().toString(), call);
    }
  }
}
