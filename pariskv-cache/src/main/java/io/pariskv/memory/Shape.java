package io.pariskv.memory;

import java.util.Arrays;

/**
 * The axes of a {@link Buffer}, outermost first. Written {@code [8][128]}, the notation used
 * throughout this project's documentation. Immutable.
 */
public final class Shape {
  private final long[] axes;

  private Shape(long[] axes) {
    this.axes = axes;
  }

  /**
   * A shape with the given axes.
   *
   * @throws IllegalArgumentException if an axis is negative or the number of elements overflows
   */
  public static Shape of(long... axes) {
    Shape shape = new Shape(axes.clone());
    long elements = 1;
    for (long axis : axes) {
      if (axis < 0) {
        throw new IllegalArgumentException("negative axis in shape " + shape);
      }
      try {
        elements = Math.multiplyExact(elements, axis);
      } catch (ArithmeticException e) {
        throw new IllegalArgumentException("shape " + shape + " has more than 2^63 elements", e);
      }
    }
    return shape;
  }

  /** Number of axes. */
  public int rank() {
    return axes.length;
  }

  /** Extent of axis {@code i}, 0 being the outermost. */
  public long axis(int i) {
    return axes[i];
  }

  /** Extent of axis {@code i} as an int. */
  public int extent(int i) {
    return Math.toIntExact(axes[i]);
  }

  /** Product of all axes; 1 for a shape without axes. */
  public long elements() {
    long elements = 1;
    for (long axis : axes) {
      elements *= axis;
    }
    return elements;
  }

  /** This shape with another outermost axis. */
  Shape withOuter(long outer) {
    long[] copy = axes.clone();
    copy[0] = outer;
    return new Shape(copy);
  }

  @Override
  public boolean equals(Object o) {
    return o instanceof Shape other && Arrays.equals(axes, other.axes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(axes);
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (long axis : axes) {
      text.append('[').append(axis).append(']');
    }
    return text.toString();
  }
}
