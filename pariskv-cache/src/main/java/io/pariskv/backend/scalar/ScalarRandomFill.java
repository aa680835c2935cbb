package io.pariskv.backend.scalar;

import io.pariskv.layer.RandomFill;
import io.pariskv.memory.Bf16;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.lang.foreign.ValueLayout;

/** {@link RandomFill} in plain Java. */
final class ScalarRandomFill implements RandomFill {
  @Override
  public void fill(Buffer target, long seed, float deviation) {
    float scale = RandomFill.scale(deviation);
    DType dtype = RandomFill.requireFloats(target);
    for (long i = 0; i < target.shape().elements(); i++) {
      float value = RandomFill.value(seed, i, scale);
      if (dtype == DType.F32) {
        Elements.setFloat(target, i, value);
      } else {
        target.segment().setAtIndex(ValueLayout.JAVA_SHORT_UNALIGNED, i, Bf16.fromFloat(value));
      }
    }
  }
}
