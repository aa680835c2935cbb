package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.backend.LayerStages;
import io.pariskv.backend.Step;
import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** How the transformer's small operations launch, on the fake GPU; what they compute is in the stage tests. */
class CudaLayersTest {
  private static final int VOCABULARY = 5_000;

  private final FakeCuda fake = new FakeCuda();
  /** The kernels that ran, with grid and block. */
  private final List<String> ran = new ArrayList<>();
  private final CudaBackend backend;
  private final Buffers buffers;
  private final LayerStages layers;

  CudaLayersTest() {
    note("embedding_f32", 8, 8, 8, 4, 4);
    note("embedding_f16", 8, 8, 8, 4, 4);
    note("embedding_bf16", 8, 8, 8, 4, 4);
    note("rms_norm_narrow", 8, 8, 8, 4, 4, 4);
    note("rms_norm_wide", 8, 8, 8, 4, 4);
    note("sampler_largest", 8, 8, 8, 8, 8, 4);
    fake.device().kernel("sampler_draw", new int[]{8, 8, 8, 8, 8, 8, 8, 8, 4}, arguments -> {
      long bytes = 4L * arguments.grid().getFirst();
      arguments.memory(6, bytes).copyFrom(arguments.memory(4, bytes)); // tokens from positions
    });
    backend = new CudaBackend(fake.driver(), new KernelImage(new byte[64], 13_000));
    buffers = new Buffers(backend);
    layers = backend.layers();
    fake.forget();
  }

  private void note(String kernel, int... sizes) {
    fake.device().kernel(kernel, sizes, arguments -> ran.add(kernel + arguments.grid()));
  }

  @AfterEach
  void nothingLeaks() {
    buffers.close();
    backend.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private Buffer floats(long... shape) {
    return buffers.empty(DType.F32, shape);
  }

  private Buffer ints(long... shape) {
    return buffers.empty(DType.I32, shape);
  }

  private Buffer sample(int rows, int vocabulary) {
    Buffer tokens = ints(rows);
    Batch batch = new Batch(rows, ints(rows), ints(rows));
    layers.sampler().sample(floats(rows, vocabulary), batch, how(rows, vocabulary), tokens);
    return tokens;
  }

  private SamplerRows how(int rows, int vocabulary) {
    return new SamplerRows(floats(rows, SamplerRows.FLOAT_FIELDS),
        ints(rows, SamplerRows.INT_FIELDS), buffers.empty(DType.U8, rows, vocabulary),
        ints(rows, SamplerRows.words(vocabulary)));
  }

  @Test
  void noRows_launchNothing() {
    Buffer none = floats(0, 8);
    layers.embedding().embed(ints(0), floats(3, 8), none);
    layers.rmsNorm().normalize(none, floats(8), 1e-6f, none);
    layers.rotary().angles(new Batch(0, ints(0), ints(0)), floats(4), 1, floats(0, 2, 4));
    layers.rotary().rotate(floats(0, 1, 8), floats(0, 2, 4));
    layers.swiGlu().apply(none, none, none);
    sample(0, VOCABULARY);

    assertEquals(0, fake.launches());
  }

  @Test
  void sampler_givesEveryRowItsPartOfEveryBuffer() {
    int rows = 2 * CudaTokenSampler.ROWS + 3;
    int[] positions = IntStream.range(100, 100 + rows).toArray();
    Buffer tokens = ints(rows);

    layers.sampler().sample(floats(rows, VOCABULARY),
        new Batch(rows, ints(rows), buffers.of(positions, rows)), how(rows, VOCABULARY), tokens);

    assertArrayEquals(positions, buffers.ints(tokens));
    assertEquals(List.of("sampler_largest[3, 16, 1, 256]", "sampler_largest[3, 16, 1, 256]",
        "sampler_largest[3, 3, 1, 256]"), ran);
  }

  @Test
  void sampler_inAStep_runsAsAGraph_andAllocatesNothing() {
    Buffer logits = floats(1, 10);
    Batch batch = new Batch(1, ints(1), ints(1));
    SamplerRows how = how(1, 10);
    Buffer tokens = ints(1);
    fake.forget();
    try (Step step = backend.record(
        () -> layers.sampler().sample(logits, batch, how, tokens))) {
      step.run();
      step.run();
      step.run();
    }

    assertEquals(6, fake.launches()); // the first run, and the capture
    assertEquals(2, fake.count("cuGraphLaunch"));
    assertEquals(0, fake.count("cuMemAlloc_v2") + fake.count("cuMemsetD8Async"));
  }

  @Test
  void sampler_refusesAVocabularyThatItsOrderCannotHold() {
    assertRefused(IllegalArgumentException.class, () -> sample(1, 0), " 0 ", "8388608");
    assertRefused(IllegalArgumentException.class,
        () -> sample(1, CudaTokenSampler.MAX_VOCABULARY + 1), "8388609", "8388608");
  }

  @Test
  void embedding_takesTheKernelOfTheTablesType() {
    for (DType type : List.of(DType.BF16, DType.F16, DType.F32)) {
      layers.embedding().embed(ints(2), buffers.empty(type, 9, 1_025), floats(2, 1_025));
    }
    assertRefused(IllegalArgumentException.class,
        () -> layers.embedding().embed(ints(2), ints(9, 4), floats(2, 4)), "i32");
    synchronize();

    assertEquals(List.of("embedding_bf16[2, 2, 1, 128]", "embedding_f16[2, 2, 1, 128]",
        "embedding_f32[2, 3, 1, 128]"), ran);
  }

  @Test
  void norm_ofARow_runsTheSameWay_inEveryBatch() {
    for (int width : new int[]{512, 513, 20_000}) {
      for (int rows : new int[]{1, 17}) {
        Buffer x = floats(rows, width);
        layers.rmsNorm().normalize(x, floats(width), 1e-6f, x);
      }
    }
    synchronize();

    assertEquals(
        List.of("rms_norm_narrow[1, 1, 1, 256]", "rms_norm_narrow[3, 1, 1, 256]",
            "rms_norm_wide[1, 1, 1, 64]", "rms_norm_wide[17, 1, 1, 64]",
            "rms_norm_wide[1, 1, 1, 1024]", "rms_norm_wide[17, 1, 1, 1024]"),
        ran);
  }

  /** The fake GPU works as late as it may. */
  private void synchronize() {
    buffers.ints(ints(1));
  }
}
