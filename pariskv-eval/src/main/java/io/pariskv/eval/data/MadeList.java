package io.pariskv.eval.data;

import java.util.AbstractList;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.function.IntFunction;

/**
 * A list that makes an element whenever it is asked for and keeps none: long documents, one at a time.
 *
 * @param <T> what it has
 */
public final class MadeList<T> extends AbstractList<T> implements RandomAccess {
  private final int size;
  private final IntFunction<T> made;

  /** @param made gives equal elements for equal places, on any thread */
  public MadeList(int size, IntFunction<T> made) {
    this.size = size;
    this.made = made;
  }

  @Override
  public T get(int index) {
    return made.apply(Objects.checkIndex(index, size));
  }

  @Override
  public int size() {
    return size;
  }
}
