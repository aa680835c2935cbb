package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Step;
import io.pariskv.kv.KvPlacement;
import io.pariskv.layer.GatedLinear;
import io.pariskv.layer.Linear;
import io.pariskv.layer.Norm;
import io.pariskv.layer.NormedMatMul;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.memory.Shape;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.Tolerance;
import io.pariskv.testing.Weights;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.jspecify.annotations.Nullable;

/** Which kernel or library multiplies what, and that it is given the right numbers; on the fake GPU. */
@Seeded
class CudaMatMulTest {
  private static final KernelImage IMAGE = new KernelImage(new byte[64], 13_000);

  private final FakeCuda fake = new FakeCuda();
  private final FakeCublasLt library = new FakeCublasLt(fake.device());
  private final List<String> launched = new ArrayList<>();
  private @Nullable CudaBackend open;

  @AfterEach
  void nothingLeaks() {
    if (open != null) {
      open.close();
    }
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  /** Kernels of the stage that note that they ran, and where. */
  @BeforeEach
  void kernels() {
    KernelSources.files().forEach(file -> KernelSources.entries(file).forEach((name, sizes) -> {
      if (name.startsWith("matmul_")) {
        fake.device().kernel(name, sizes, arguments -> launched.add(name + arguments.grid()));
      }
    }));
  }

  private CudaBackend open(boolean withCublas) {
    fake.add(library);
    CublasLtSearch search = withCublas
        ? new CublasLtSearch("fake", Map.of(), name -> fake)
        : CublasLtSearch.none();
    open = new CudaBackend(fake.driver(), IMAGE, search, KvPlacement.DEVICE);
    return open;
  }

  private static void roundInputs(FakeDriver.Arguments arguments) {
    int rows = arguments.grid().getFirst();
    int in = arguments.integer(2);
    int stride = arguments.integer(3);
    MemorySegment x = arguments.memory(0, 4L * rows * in);
    MemorySegment rounded = arguments.memory(1, 2L * rows * stride);
    for (int i = 0; i < rows * stride; i++) {
      rounded.setAtIndex(ValueLayout.JAVA_SHORT, i, i % stride >= in
          ? 0
          : Bf16.fromFloat(x.getAtIndex(ValueLayout.JAVA_FLOAT, i / stride * in + i % stride)));
    }
  }

  /** Device memory that is not there, for kernels that do not look. */
  private static Buffer at(long address, DType type, long... axes) {
    Shape shape = Shape.of(axes);
    return Buffer.wrap(Buffer.Placement.DEVICE, type, shape,
        MemorySegment.ofAddress(address).reinterpret(shape.elements() * type.bytes()));
  }

  private List<String> launches(CudaBackend backend, int rows, int in, int out, DType type,
      long offset) {
    launched.clear();
    Linear linear = new Linear(at(0x3_0000_0000L + offset, type, out, in), null);
    backend.layers().matMul().multiply(at(0x1_0000_0000L, DType.F32, rows, in), linear,
        at(0x2_0000_0000L, DType.F32, rows, out));
    backend.kernels().stream().synchronize();
    return List.copyOf(launched);
  }

  @Test
  void rowsTypeAndAlignment_decideTheWay() {
    CudaBackend backend = open(false);
    assertEquals(List.of("matmul_few_1[256, 1, 1, 256]"),
        launches(backend, 1, 4096, 1024, DType.BF16, 0));
    assertEquals(List.of("matmul_rows_8[128, 1, 1, 512]"),
        launches(backend, 8, 4096, 4096, DType.BF16, 0));
    assertEquals(List.of("matmul_rows_16[448, 1, 1, 512]"),
        launches(backend, 9, 4096, 14336, DType.BF16, 0));
    assertEquals(List.of("matmul_rows_16[4008, 1, 1, 512]"),
        launches(backend, 16, 4096, 128256, DType.BF16, 0));
    assertEquals(List.of("matmul_dots_bf16[2, 1, 1, 256]"),
        launches(backend, 1, 64, 17, DType.BF16, 2));
    assertEquals(List.of("matmul_dots_bf16[2, 1, 1, 256]"),
        launches(backend, 5, 63, 7, DType.BF16, 0));
    assertEquals(List.of("matmul_dots_f16[4, 1, 1, 256]"),
        launches(backend, 16, 64, 16, DType.F16, 0));
    assertEquals(List.of("matmul_dots_f32[1, 1, 1, 256]"),
        launches(backend, 4, 64, 16, DType.F32, 0));
    assertEquals(List.of("matmul_tiles_f32[1, 1, 1, 256]"),
        launches(backend, 17, 64, 128, DType.F32, 0));
    assertEquals(List.of("matmul_tiles_f16[2, 2, 1, 256]"),
        launches(backend, 129, 64, 129, DType.F16, 0));
    assertEquals(List.of(), launches(backend, 0, 64, 16, DType.BF16, 0));
    assertRefused(IllegalArgumentException.class,
        () -> launches(backend, 1, 8, 8, DType.I32, 0), "[8][8] i32");
  }

  private static Linear weights(int out, int in, DType type) {
    return new Linear(at(0x3_0000_0000L, type, out, in), null);
  }

  private List<String> normed(CudaBackend backend, int rows, DType type) {
    launched.clear();
    List<Buffer> ys = IntStream.of(4096, 1024, 1024, 8)
        .mapToObj(out -> at(0x2_0000_0000L, DType.F32, rows, out)).toList();
    Buffer x = at(0x1_0000_0000L, DType.F32, rows, 4096);
    Norm norm = new Norm(at(0x4_0000_0000L, DType.F32, 4096), 1e-5f);
    NormedMatMul stage = backend.layers().normedMatMul();
    stage.multiply(x, norm, List.of(weights(4096, 4096, type), weights(1024, 4096, type),
        weights(1024, 4096, type), weights(8, 4096, type)), x, ys);
    Linear half = weights(14336, 4096, type);
    Buffer y = at(0x2_0000_0000L, DType.F32, rows, 14336);
    stage.multiplyGated(x, norm, new GatedLinear(half, half), x, y, y);
    backend.kernels().stream().synchronize();
    return List.copyOf(launched);
  }

  /** Up to three layers a launch, a block for each 32 rows of weights. */
  @Test
  void fewNormedRows_areOneLaunch_andManyAreRoundedOnce() {
    CudaBackend backend = open(false);

    assertEquals(List.of("matmul_rows_8[192, 1, 1, 512]", "matmul_rows_8[1, 1, 1, 512]",
        "matmul_gated_8[896, 1, 1, 512]"), normed(backend, 8, DType.BF16));
    assertEquals(List.of("matmul_rows_16[192, 1, 1, 512]", "matmul_rows_16[1, 1, 1, 512]",
        "matmul_gated_16[896, 1, 1, 512]"), normed(backend, 9, DType.BF16));
    assertEquals(6, normed(backend, 2, DType.F32).stream()
        .filter(each -> each.startsWith("matmul_dots_f32")).count());
    assertEquals(List.of("matmul_round_inputs", "matmul_tiles", "matmul_tiles", "matmul_tiles",
        "matmul_tiles", "matmul_round_inputs", "matmul_tiles", "matmul_tiles"),
        normed(backend, 17, DType.BF16).stream().map(each -> each.replaceAll("\\[.*", ""))
            .toList());
  }

  @Test
  void manyRows_areRoundedAndMultiplied_passByPass() {
    List<String> passes = new ArrayList<>();
    int in = 1 << 20; // 32 rows of it fill the scratch memory
    fake.device().kernel("matmul_round_inputs", new int[]{8, 8, 4, 4, 4},
        arguments -> passes.add("round " + arguments.grid() + " "
            + (arguments.pointer(0) - 0x1_0000_0000L) / (4L * in)));
    fake.device().kernel("matmul_tiles", new int[]{8, 8, 8, 8, 4, 4, 4, 4, 4, 4},
        arguments -> passes.add("multiply " + arguments.integer(4) + " "
            + (arguments.pointer(3) - 0x2_0000_0000L) / 12));

    CudaBackend backend = open(false);
    launches(backend, 65, in, 3, DType.BF16, 0);
    assertFalse(backend.layers().matMul().roundsInputs(16, DType.BF16));
    assertTrue(backend.layers().matMul().roundsInputs(17, DType.BF16));
    assertFalse(backend.layers().matMul().roundsInputs(17, DType.F32));
    assertEquals(List.of("round [22, 512, 1, 256] 0", "multiply 22 0",
        "round [22, 512, 1, 256] 22", "multiply 22 22", "round [21, 512, 1, 256] 44",
        "multiply 21 44"), passes);
  }

  /** What cuBLASLt is told about its matrices is right if what it multiplies is. */
  @Test
  void cublasLt_isGivenTheProduct() {
    fake.device().kernel("matmul_round_inputs", new int[]{8, 8, 4, 4, 4},
        CudaMatMulTest::roundInputs);
    CudaBackend backend = open(true);
    assertEquals("fake, version 13.1.2", backend.cublasLt());
    for (DType type : List.of(DType.F32, DType.BF16)) {
      for (boolean biased : new boolean[]{false, true}) {
        int rows = 17 + (biased ? 4 : 0);
        int in = 40;
        int out = 12;
        float[] x = RandomKv.normal(Seeds.random(type, biased, "x"), rows * in);
        float[] w = RandomKv.normal(Seeds.random(type, biased, "w"), out * in);
        float[] b = RandomKv.normal(Seeds.random(type, biased, "b"), out);
        double[] expected = new double[rows * out];
        for (int i = 0; i < expected.length; i++) {
          expected[i] = biased ? b[i % out] : 0;
          for (int j = 0; j < in; j++) {
            expected[i] += (double) Weights.stored(w[i % out * in + j], type)
                * Weights.stored(x[i / out * in + j], type);
          }
        }
        try (Buffers buffers = new Buffers(backend)) {
          Linear linear = new Linear(buffers.place(Weights.of(w, type, 0, out, in)),
              biased ? buffers.of(b, out) : null);
          Buffer y = buffers.empty(DType.F32, rows, out);
          backend.layers().matMul().multiply(buffers.of(x, rows, in), linear, y);
          Tolerance.assertClose(expected, buffers.floats(y), 1e-4, () -> type + " " + biased);

          backend.layers().matMul().multiplyAdd(buffers.of(x, rows, in), linear, y);
          double[] twice = Arrays.stream(expected).map(each -> 2 * each).toArray();
          Tolerance.assertClose(twice, buffers.floats(y), 2e-4, () -> type + " added");
        }
      }
    }
    assertEquals(8, fake.count("cublasLtMatmul"));
    assertEquals(4, fake.count("cublasLtMatmulAlgoGetHeuristic"));
    assertEquals(List.of(), launched);
  }

  @Test
  void whatIsNotAligned_isNotGivenToCublasLt() {
    CudaBackend backend = open(true);
    launches(backend, 33, 36, 16, DType.BF16, 0);
    launches(backend, 33, 40, 17, DType.BF16, 0);
    launches(backend, 33, 40, 16, DType.BF16, 2);
    launches(backend, 33, 38, 16, DType.F32, 0);
    launches(backend, 33, 40, 16, DType.F16, 0);

    assertEquals(0, fake.count("cublasLtMatmul"));
  }

  @Test
  void algorithms_areChosenOnceAShape_andTheOldestAreForgotten() {
    CudaBackend backend = open(true);
    try (Buffers buffers = new Buffers(backend)) {
      int most = CublasLtHandle.MAX_PLANS;
      Linear linear = new Linear(buffers.empty(DType.F32, 4, 4), null);
      Buffer x = buffers.empty(DType.F32, 17 + most, 4);
      Buffer y = buffers.empty(DType.F32, 17 + most, 4);
      for (int i = 0; i < most + 3; i++) {
        int rows = 17 + i % most;
        backend.layers().matMul().multiply(x.slice(0, rows), linear, y.slice(0, rows));
      }
      assertEquals(most, fake.count("cublasLtMatmulAlgoGetHeuristic"));
      assertEquals(0, fake.count("cublasLtMatmulDescDestroy"));
      backend.layers().matMul().multiply(x, linear, y);
      assertEquals(1, fake.count("cublasLtMatmulDescDestroy"));
      assertEquals(3, fake.count("cublasLtMatrixLayoutDestroy"));
    }
    backend.close();
    backend.close();
    assertEquals(1, fake.count("cublasLtDestroy"));
  }

  @Test
  void aProductItHasNoAlgorithmFor_isAnErrorThatNamesIt() {
    CudaBackend backend = open(true);
    library.found = 0;
    assertRefused(CudaException.class, () -> launches(backend, 33, 40, 16, DType.F32, 0),
        "[33][40] by [16][40] f32", "cublasLtMatmulAlgoGetHeuristic", "NOT_SUPPORTED",
        "PARISKV_CUBLASLT=none");
    library.found = 1;
    library.state = 8;
    assertRefused(CudaException.class, () -> launches(backend, 33, 40, 16, DType.F32, 0),
        "ARCH_MISMATCH");
    assertEquals(2, fake.count("cublasLtMatmulDescDestroy"));
  }

  /** A recorded step allocates nothing after its first run, and multiplies in every one. */
  @Test
  void inARecordedStep_itMultipliesInEveryRun() {
    fake.device().kernel("matmul_round_inputs", new int[]{8, 8, 4, 4, 4},
        CudaMatMulTest::roundInputs);
    CudaBackend backend = open(true);
    try (Buffers buffers = new Buffers(backend)) {
      Buffer x = buffers.empty(DType.F32, 17, 8);
      Buffer y = buffers.empty(DType.F32, 17, 4);
      float[] w = new float[32];
      w[8] = 2;
      Linear linear = new Linear(buffers.place(Weights.of(w, DType.BF16, 0, 4, 8)), null);
      Step step = backend.record(() -> backend.layers().matMul().multiply(x, linear, y));
      for (int run = 1; run < 5; run++) {
        float[] values = new float[17 * 8];
        values[16 * 8] = run;
        backend.upload(MemorySegment.ofArray(values), x);
        step.run();
        assertEquals(2 * run, buffers.floats(y)[16 * 4 + 1]);
      }
      step.close();
      assertEquals(2, fake.count("cublasLtMatmul"));
    }
  }

  /** cuBLASLt says of a recording that another thread has spoiled only that it cannot launch. */
  @Test
  void aProductInASpoiledRecording_isMultipliedAllTheSame() {
    CudaBackend backend = open(true);
    try (Buffers buffers = new Buffers(backend)) {
      Buffer x = buffers.place(Weights.of(ones(17 * 8), DType.F32, 0, 17, 8));
      Buffer y = buffers.empty(DType.F32, 17, 4);
      Linear linear = new Linear(buffers.place(Weights.of(ones(32), DType.F32, 0, 4, 8)), null);
      Step step = backend.record(() -> {
        fake.device().waitForAll(); // another thread's
        backend.layers().matMul().multiply(x, linear, y);
      });
      for (int run = 0; run < 3; run++) {
        backend.upload(MemorySegment.ofArray(new float[17 * 4]), y);
        step.run();
        assertEquals(8, buffers.floats(y)[16 * 4 + 1]);
      }
      step.close();
      assertEquals(0, fake.count("cuGraphLaunch"));
    }
  }

  private static float[] ones(int count) {
    float[] ones = new float[count];
    Arrays.fill(ones, 1);
    return ones;
  }

  @Test
  void buffersInPageableMemory_areRefused() {
    CudaBackend backend = open(true);
    Linear linear = new Linear(Weights.of(new float[64], DType.F32, 0, 8, 8), null);
    for (int rows : new int[]{1, 17}) {
      assertRefused(IllegalArgumentException.class,
          () -> backend.layers().matMul().multiply(at(1 << 20, DType.F32, rows, 8), linear,
              at(2 << 20, DType.F32, rows, 8)),
          "[8][8] f32 is in pageable host memory");
    }
  }
}
