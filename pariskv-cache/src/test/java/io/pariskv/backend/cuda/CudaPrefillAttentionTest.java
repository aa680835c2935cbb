package io.pariskv.backend.cuda;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import io.pariskv.backend.cuda.FakeDriver.Arguments;
import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which kernel a chunk gets, with which arguments and grid, on the fake GPU. */
class CudaPrefillAttentionTest {
  private static final KvOffload.Segment SEGMENT = new KvOffload.Segment(0x1000, 0x2000, 1);

  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final DeviceAllocator memory = new DeviceAllocator(stream);
  private final List<Arguments> launches = new ArrayList<>();
  private final List<String> names = new ArrayList<>();

  @AfterEach
  void nothingLeaks() {
    context.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  private CudaPrefillAttention attention() {
    KernelSources.files().forEach(file -> KernelSources.entries(file).forEach((name, sizes) -> {
      fake.device().kernel(name, sizes, arguments -> {
        names.add(name);
        launches.add(arguments);
      });
    }));
    return new CudaPrefillAttention(new Kernels(
        CudaModule.load(context, new KernelImage(new byte[8], 13_000)), stream,
        StagingRing.open(stream)));
  }

  private Buffer rows(int rows, KvShape shape) {
    return memory.allocate(DType.F32, rows, shape.heads(), shape.headDim());
  }

  private static KvShape shape(int heads, int kvHeads, int headDim, DType dtype) {
    return new KvShape(1, heads, kvHeads, headDim, dtype, List.of(1500));
  }

  @Test
  void headSizeAndType_chooseTheKernel_andItsGrid() {
    record Case(int headDim, DType dtype, String kernel, List<Integer> grid) {
    }
    CudaPrefillAttention attention = attention();
    List<Case> cases = List.of(
        new Case(16, DType.BF16, "prefill_attention_16", List.of(7, 2, 1, 128)),
        new Case(128, DType.BF16, "prefill_attention_128", List.of(7, 2, 1, 128)),
        new Case(256, DType.BF16, "prefill_attention_256", List.of(14, 2, 1, 128)),
        new Case(80, DType.BF16, "prefill_attention_plain_bf16", List.of(28, 2, 1, 256)),
        new Case(128, DType.F32, "prefill_attention_plain_f32", List.of(28, 2, 1, 256)));
    for (Case each : cases) {
      KvShape shape = shape(14, 2, each.headDim, each.dtype);
      attention.new Pass(shape, 0, 0, rows(126, shape), rows(126, shape)).attend(SEGMENT);
    }
    stream.synchronize();

    assertEquals(cases.stream().map(Case::kernel).toList(), names);
    assertEquals(cases.stream().map(Case::grid).toList(),
        launches.stream().map(Arguments::grid).toList());
  }

  @Test
  void aChunk_isOneLaunch_overTheSegment() {
    CudaPrefillAttention attention = attention();
    KvShape shape = shape(4, 2, 64, DType.BF16);
    Buffer q = rows(40, shape);
    Buffer out = rows(40, shape);
    attention.new Pass(shape, 0, 3_000, q, out).attend(SEGMENT);
    stream.synchronize();

    Arguments launch = launches.getFirst();
    assertEquals(List.of(q.address(), out.address(), SEGMENT.keys(), SEGMENT.values()),
        List.of(launch.pointer(0), launch.pointer(1), launch.pointer(2), launch.pointer(3)));
    assertEquals(List.of(SEGMENT.firstSlab(), 3_000, 40, 2, 1_500), List.of(launch.integer(4),
        launch.integer(5), launch.integer(6), launch.integer(7), launch.integer(8)));
    assertEquals(1 / Math.log(2) / 8, launch.number(9), 1e-7);
    assertEquals(1, launches.size());
  }

  @Test
  void whatCannotBe_isRefused() {
    CudaPrefillAttention attention = attention();
    KvShape shape = shape(4, 2, 320, DType.BF16);
    Buffer q = rows(3, shape);

    assertRefused(InputException.class, () -> attention.new Pass(shape, 0, 0, q, q), "320", "256",
        "--backend vector");
    assertRefused(IllegalArgumentException.class,
        () -> attention.new Pass(shape, 0, 0, q, rows(2, shape)), "[3][4][320]", "[2][4][320]");
  }
}
