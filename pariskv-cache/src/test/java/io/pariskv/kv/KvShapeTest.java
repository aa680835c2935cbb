package io.pariskv.kv;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.pariskv.memory.DType;
import java.util.List;
import org.junit.jupiter.api.Test;

class KvShapeTest {

  @Test
  void sizes_followFromTheGeometry() {
    KvShape shape = new KvShape(2, 32, 8, 128, DType.BF16);

    assertEquals(4, shape.groupSize());
    assertEquals(4096, shape.tokenBytes());
    assertEquals(2L * 2 * 8 * 128 * 2 * 1024, shape.bytes(1));
    assertEquals(List.of(0, 0), shape.windows());
  }

  @Test
  void impossibleGeometry_isRefusedWithTheNumbers() {
    assertRefused(IllegalArgumentException.class, () -> new KvShape(1, 6, 4, 64, DType.F32),
        "heads 6", "kvHeads 4");
    assertRefused(IllegalArgumentException.class, () -> new KvShape(0, 1, 1, 1, DType.F32),
        "layers 0");
    assertRefused(IllegalArgumentException.class, () -> new KvShape(1, 1, 1, 64, DType.F16), "f16",
        "bf16 or f32");
    assertRefused(IllegalArgumentException.class,
        () -> new KvShape(2, 1, 1, 64, DType.F32, List.of(0)), "[0]", "2 layers");
    assertRefused(IllegalArgumentException.class,
        () -> new KvShape(1, 1, 1, 64, DType.F32, List.of(-1)), "[-1]");
  }
}
