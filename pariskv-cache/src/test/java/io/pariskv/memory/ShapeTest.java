package io.pariskv.memory;

import static io.pariskv.testing.Refusal.assertRefused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.Test;

class ShapeTest {

  @Test
  void axes_areOutermostFirst_andWrittenThatWay() {
    Shape shape = Shape.of(2, 8, 128);

    assertEquals(3, shape.rank());
    assertEquals(2, shape.axis(0));
    assertEquals(128, shape.extent(2));
    assertEquals(2048, shape.elements());
    assertEquals("[2][8][128]", shape.toString());
  }

  @Test
  void shapeWithoutAxes_hasOneElement_andAnAxisOfZeroNone() {
    assertEquals(1, Shape.of().elements());
    assertEquals(0, Shape.of(3, 0, 5).elements());
  }

  @Test
  void shapes_areEqualByTheirAxes() {
    assertEquals(Shape.of(2, 3), Shape.of(2, 3));
    assertEquals(Shape.of(2, 3).hashCode(), Shape.of(2, 3).hashCode());
    assertNotEquals(Shape.of(2, 3), Shape.of(3, 2));
    assertNotEquals(Shape.of(6), Shape.of(2, 3));
  }

  @Test
  void shape_doesNotShareTheArrayItWasMadeFrom() {
    long[] axes = {2, 3};
    Shape shape = Shape.of(axes);
    axes[0] = 9;

    assertEquals(2, shape.axis(0));
  }

  @Test
  void impossibleAxes_areRefused() {
    assertRefused(IllegalArgumentException.class, () -> Shape.of(2, -1), "[2][-1]");
    assertRefused(IllegalArgumentException.class, () -> Shape.of(1L << 32, 1L << 31),
        "[4294967296][2147483648]");
    assertThrows(ArithmeticException.class, () -> Shape.of(1L << 31).extent(0));
  }
}
