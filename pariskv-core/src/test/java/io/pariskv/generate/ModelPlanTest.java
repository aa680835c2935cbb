package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.backend.Backend;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvPlacement;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.RowCacheSize;
import io.pariskv.memory.AvailableMemory;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.memory.MemoryPlan;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.model.ModelShapes;
import java.lang.reflect.Proxy;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What fits beside a GPU of 80 GiB in a host of 125 GiB, of which 5 GiB must stay free. */
class ModelPlanTest {
  private static final long GIB = 1L << 30;
  private static final long WEIGHTS = 15 * GIB;
  private static final AttentionMethod PARISKV = ParisKv.paper();
  private static final LoadOptions OFFLOADED = LoadOptions.defaults().withOffload(Offload.ON);

  private AvailableMemory available = new AvailableMemory(123 * GIB, 79 * GIB, 5 * GIB, GIB);

  /** Answers only what a plan asks. */
  private Backend backend() {
    return (Backend) Proxy.newProxyInstance(Backend.class.getClassLoader(),
        new Class<?>[]{Backend.class}, (proxy, method, arguments) -> switch (method.getName()) {
          case "available" -> available;
          case "plan" -> MemoryPlan.in(MemoryPlace.GPU);
          case "planWeights" -> ((MemoryPlan) arguments[0]).with("weights", (long) arguments[1]);
          case "planKv" -> ((MemoryPlan) arguments[0]).with("K and V",
              (int) arguments[2] * ((KvShape) arguments[1]).bytes((int) arguments[3]),
              arguments[5] == KvPlacement.HOST ? MemoryPlace.PINNED : MemoryPlace.GPU);
          case "planRowCache" -> {
            long rows = (int) arguments[2] * (long) (int) arguments[3];
            yield rows == 0
                ? arguments[0]
                : ((MemoryPlan) arguments[0]).with("row cache",
                    rows * ((KvShape) arguments[1]).tokenBytes()
                        * ((KvShape) arguments[1]).layers());
          }
          case "prefillChunk" -> 4096;
          case "mostCachedRows" -> RowCacheSize.MOST;
          default -> throw new UnsupportedOperationException(method.getName());
        });
  }

  private ModelPlan plan(LoadOptions options) {
    return new ModelPlan(ModelShapes.named("llama-3.1-8b"), WEIGHTS, options, backend());
  }

  private static String refusal(org.junit.jupiter.api.function.Executable action,
      String... parts) {
    String message = String.valueOf(assertThrows(InputException.class, action).getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "no '" + part + "' in: " + message);
    }
    return message;
  }

  private static int number(String message, String pattern) {
    Matcher matcher = Pattern.compile(pattern).matcher(message);
    assertTrue(matcher.find(), message);
    return Integer.parseInt(matcher.group(1));
  }

  @Test
  void millionTokens_thatWouldTakeTheSystemsMemoryToo_areRefused_withTheContextThatFits() {
    String message = refusal(() -> plan(OFFLOADED.withContext(1_000_000)).requireModelFits(),
        "not enough host memory: 122.1 GiB needed, 123.0 GiB available, of which 5.0 GiB must",
        "K and V 122.1 GiB pinned", "lower --context (1000000)");

    int fits = number(message, "K and V of (\\d+) tokens fit");
    plan(OFFLOADED.withContext(fits)).requireModelFits();
    refusal(() -> plan(OFFLOADED.withContext(fits + fits / 31)).requireModelFits(), "host memory");
  }

  @Test
  void contextThatDoesNotFitOnTheGpu_isRefused_orOffloadedIfThatIsLeftOpen() {
    LoadOptions options = LoadOptions.defaults().withContext(600_000);
    refusal(() -> plan(options.withOffload(Offload.OFF)).requireModelFits(),
        "not enough GPU memory",
        "79.0 GiB available, of which 1.0 GiB must stay free", "or give --offload on");
    assertDoesNotThrow(plan(options)::requireModelFits);
    assertEquals(KvPlacement.HOST, plan(options).placement(PARISKV));
    assertEquals(KvPlacement.DEVICE, plan(options.withContext(100_000)).placement(PARISKV));
  }

  @Test
  void contextThatFitsOnTheGpuAlone_isAcceptedByAuto_andSaidWhereOffloadIsAskedFor() {
    available = new AvailableMemory(23 * GIB, 79 * GIB, 5 * GIB, GIB);
    LoadOptions options = LoadOptions.defaults().withContext(180_000);
    ModelPlan plan = plan(options);
    plan.requireModelFits();
    assertEquals(KvPlacement.DEVICE, plan.placement(PARISKV));
    assertEquals(180_000, plan.largestContext(PARISKV));
    assertTrue(plan.whole(PARISKV, 180_000).fits(available));
    plan(options.withOffload(Offload.OFF)).requireModelFits();

    ModelPlan offloaded = plan(options.withOffload(Offload.ON));
    refusal(offloaded::requireModelFits, "not enough host memory: 22.0 GiB needed",
        "or give --offload off");
    refusal(() -> offloaded.requireSessionFits(PARISKV, 180_000, AvailableMemory.NONE, "lower it"),
        "not enough host memory", "or give --offload off");
    refusal(() -> offloaded.requireBatchFits(PARISKV, 2, 90_000), "not enough host memory",
        "or give --offload off");
    available = new AvailableMemory(23 * GIB, 17 * GIB, 5 * GIB, GIB);
    String nowhere = refusal(plan(options.withOffload(Offload.ON))::requireModelFits,
        "host memory");
    assertFalse(nowhere.contains("--offload"), nowhere);
  }

  /** Where neither fits, the number is that of the place which holds more. */
  @Test
  void contextThatFitsNowhere_isRefused_withWhatFitsOnTheGpu_whereThatIsMore() {
    available = new AvailableMemory(23 * GIB, 79 * GIB, 5 * GIB, GIB);
    LoadOptions options = LoadOptions.defaults();
    String message = refusal(plan(options.withContext(1_000_000))::requireModelFits,
        "not enough host memory", "lower --context (1000000)");
    int fits = number(message, "K and V of (\\d+) tokens fit");
    assertTrue(fits > 400_000, message);
    plan(options.withContext(fits)).requireModelFits();
  }

  @Test
  void selectedRows_haveACacheInThePlan_whereKAndVAreOffloadedAndManyAreSelected() {
    AttentionMethod ruler = new ParisKv(ParisKvConfig.ruler());
    assertEquals(GIB / 2, cacheBytes(OFFLOADED, ruler));
    assertEquals(GIB, cacheBytes(OFFLOADED.withRowCache(new RowCacheSize(8_192)), ruler));
    assertEquals(0, cacheBytes(OFFLOADED.withRowCache(RowCacheSize.OFF), ruler));
    assertEquals(0, cacheBytes(OFFLOADED.withOffload(Offload.OFF), ruler));
    assertEquals(0, cacheBytes(OFFLOADED, PARISKV));
    refusal(() -> cacheBytes(OFFLOADED.withRowCache(new RowCacheSize(2_047)), ruler),
        "row-cache 2047", "2048");

    ModelPlan plan = plan(OFFLOADED);
    available = new AvailableMemory(123 * GIB, 2 * GIB, 5 * GIB, GIB);
    refusal(() -> plan.requireSessionFits(ruler, 100_000, AvailableMemory.NONE, "lower max-tokens"),
        "row cache 512.0 MiB", "or give --row-cache off");
    refusal(() -> plan.requireBatchFits(ruler, 3, 1_000), "row cache 1.5 GiB",
        "lower --context or --batch, or give --row-cache off");
  }

  private long cacheBytes(LoadOptions options, AttentionMethod method) {
    return plan(options).session(method, 1_000).parts().stream()
        .filter(part -> part.name().equals("row cache")).mapToLong(MemoryPlan.Part::bytes).sum();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void largestContext_fits_alsoWhenLoadingTookHalfOfTheRoom(boolean offloaded) {
    LoadOptions options = OFFLOADED.withOffload(offloaded ? Offload.ON : Offload.OFF);
    for (AttentionMethod method : new AttentionMethod[]{new FullAttention(), PARISKV}) {
      available = new AvailableMemory(123 * GIB, 79 * GIB, 5 * GIB, GIB);
      ModelPlan plan = plan(options);
      int largest = plan.largestContext(method);
      assertFalse(plan.whole(method, largest + 1024).fits(available));

      long model = plan.model().bytes(MemoryPlace.GPU);
      available = new AvailableMemory(123 * GIB - 5 * GIB / 2, 79 * GIB - model - GIB / 2,
          5 * GIB, GIB);
      plan.requireSessionFits(method, largest, AvailableMemory.NONE, "");
      available = new AvailableMemory(100 * GIB, 50 * GIB, 5 * GIB, GIB);
      String message = refusal(() -> plan.requireSessionFits(method, largest, AvailableMemory.NONE,
          "lower max-tokens (9)"), "lower max-tokens (9): ", " tokens fit, not " + largest);
      plan.requireSessionFits(method, number(message, "(\\d+) tokens fit"), AvailableMemory.NONE,
          "");
    }
  }
}
