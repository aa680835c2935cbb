package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.backend.cuda.CudaException;
import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.DType;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.model.ModelShapes;
import io.pariskv.retrieve.RetrievalBudget;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * When memory really runs out beside a real GPU. It takes nearly all of the GPU's, so nothing else may use that
 * GPU meanwhile. Without a GPU it is skipped; what a plan refuses is in {@code ModelPlanTest} too.
 */
@Tag("gpu")
@EnabledIfSystemProperty(named = "pariskv.testBackend", matches = "cuda", disabledReason = "needs a GPU; gpu/run-tests runs it")
class GpuMemoryTest {
  private static final long MIB = 1 << 20;

  /** Of the driver; K and V alone are more. */
  private static final long SLACK = 16 * MIB;

  private static final int CHUNK = 512;
  private static final int PROMPT = 6_000;
  private static final GenerationOptions FOUR = GenerationOptions.greedy(4).withIgnoreEos(true);

  static Stream<Arguments> placesAndMethods() {
    List<AttentionMethod> methods = List.of(new FullAttention(),
        new ParisKv(new ParisKvConfig(16, 64, 32, 200, new RetrievalBudget(48, null, null))));
    return Fixtures.backends().stream()
        .flatMap(backend -> methods.stream().map(method -> Arguments.of(backend, method)));
  }

  private static LanguageModel load(LoadOptions options) {
    return LanguageModel.load(Fixtures.RECALL_MODEL, options.withPrefillChunk(CHUNK));
  }

  private static int[] prompt(LanguageModel model) {
    return new Random(20261122).ints(PROMPT, 0, model.config().vocabSize()).toArray();
  }

  private static int answer(Session session, int[] prompt) {
    return session.generate(prompt, FOUR, GenerationListener.NONE).tokens().size();
  }

  /** After the first chunk nothing is left. */
  private static GenerationListener takingAll(Allocator memory) {
    return new GenerationListener() {
      @Override
      public boolean onPrefill(int done, int total) {
        if (done == CHUNK) {
          takeAll(memory);
        }
        return true;
      }
    };
  }

  /** All that can be had, down to less than any buffer that has memory of its own. */
  private static void takeAll(Allocator memory) {
    for (long piece = 1024 * MIB; piece >= MIB; piece /= 2) {
      boolean more = true;
      while (more) {
        try {
          memory.allocate(DType.U8, piece);
        } catch (OutOfMemoryError full) {
          more = false;
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("placesAndMethods")
  void memoryThatRunsOutInPrefill_isSaid_andWhatFitsStillWorks(String place,
      AttentionMethod method) {
    try (LanguageModel model = load(Fixtures.options(place))) {
      int[] prompt = prompt(model);
      try (Session session = model.newSession(method)) {
        assertEquals(4, answer(session, prompt));
        assertEquals(4, answer(session, Arrays.copyOf(prompt, 1_500))); // all kernels were used now
      }
      long free = model.backend().available().gpuBytes();
      try (Session session = model.newSession(method)) {
        try (Allocator rest = model.backend().newAllocator()) {
          try (Allocator some = model.backend().newAllocator()) {
            some.allocate(DType.U8, 2_048 * MIB);
            assertSaysWhatIsShort(assertThrows(OutOfMemoryError.class,
                () -> session.generate(prompt, FOUR, takingAll(rest))));
          }
          int length = session.length();
          assertTrue(length >= CHUNK && length < prompt.length, length + " tokens");
          assertEquals(4, answer(session, Arrays.copyOf(prompt, length)));
        }
        assertEquals(4, answer(session, prompt));
      }
      long held = free - model.backend().available().gpuBytes();
      assertTrue(held < SLACK, () -> MemoryPlan.humanBytes(held) + " were not given back");
    }
    assertCpuWorks();
  }

  private static void assertSaysWhatIsShort(OutOfMemoryError error) {
    String message = String.valueOf(error.getMessage());
    for (String part : List.of("cannot allocate [", " on the GPU: ", " asked, ", " free of ",
        "cuMemAlloc failed with 2 CUDA_ERROR_OUT_OF_MEMORY", "lower --context")) {
      assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
    }
    assertInstanceOf(CudaException.class, error.getCause());
  }

  private static void assertCpuWorks() {
    try (LanguageModel model = load(LoadOptions.defaults().withBackend("vector"));
        Session session = model.newSession(new FullAttention())) {
      assertEquals(4, answer(session, Arrays.copyOf(prompt(model), 30)));
    }
  }

  @Test
  void contextThatTheHostCannotHold_isRefusedBeforeAnythingIsAllocated() {
    LoadOptions options = LoadOptions.defaults().withOffload(Offload.ON).withContext(2_000_000);
    try (Backend backend = Backends.open("cuda")) {
      long free = backend.available().gpuBytes();
      ModelPlan plan = new ModelPlan(ModelShapes.named("llama-3.1-8b"), 1 << 30, options, backend);

      InputException refusal = assertThrows(InputException.class, plan::requireModelFits);

      String message = String.valueOf(refusal.getMessage());
      for (String part : List.of("not enough host memory: ", " needed, ", " must stay free",
          "K and V 244.", " pinned", "lower --context (2000000): K and V of ", " tokens fit")) {
        assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
      }
      assertEquals(free, backend.available().gpuBytes());
    }
    assertCpuWorks();
  }

  @Test
  void contextBeyondThePositions_isRefusedBeforeTheGpuIsOpened() {
    InputException refusal = assertThrows(InputException.class,
        () -> load(LoadOptions.defaults().withBackend("cuda").withContext(2_000_000)).close());
    assertTrue(String.valueOf(refusal.getMessage()).contains(
        "--context 2000000 is more than the model's 1048576 positions"), refusal::getMessage);
    assertCpuWorks();
  }
}
