package io.pariskv.attention;

import io.pariskv.backend.Backend;
import io.pariskv.backend.scalar.ScalarBackend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Buffers;
import io.pariskv.testing.RandomKv;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import io.pariskv.testing.TestBackends;
import io.pariskv.testing.Tolerance;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * A sequence that got shorter, by a cut or because a step was taken back, attends what it holds then. A
 * backend that keeps the last tokens twice must not attend forgotten ones from its second copy.
 */
@Seeded
@Tag("stages")
class DecodeAfterTruncationTest {

  static Stream<Arguments> shapes() {
    List<Integer> windows = List.of(0, 2100);
    return TestBackends.with(Stream.of(new KvShape(2, 8, 2, 64, DType.BF16, windows),
        new KvShape(2, 2, 1, 20, DType.BF16, windows),
        new KvShape(2, 3, 1, 32, DType.F32, windows)));
  }

  /** A store and what its layers attended; the same calls use the same numbers on any backend. */
  private static final class Run implements AutoCloseable {
    final Backend backend;
    final KvShape shape;
    final RandomGenerator random;
    final Buffers buffers;
    final KvStore kv;
    final Batch batch;
    final List<float[]> outputs = new ArrayList<>();

    Run(Backend backend, KvShape shape) {
      this.backend = backend;
      this.shape = shape;
      this.random = Seeds.random(shape);
      this.buffers = new Buffers(backend);
      this.kv = backend.newKvStore(shape, 2);
      kv.open();
      kv.reserve(kv.open(), 5000);
      this.batch = new Batch(1, buffers.of(new int[]{1}, 1), buffers.empty(DType.I32, 1));
    }

    Buffer rows(int rows, int heads) {
      return buffers.of(RandomKv.normal(random, rows * heads * shape.headDim()), rows, heads,
          shape.headDim());
    }

    void zones(TokenZones zones) {
      kv.setZones(1, zones);
    }

    void prompt(int from, int to) {
      zones(TokenZones.dense(to));
      for (int layer = 0; layer < shape.layers(); layer++) {
        backend.attention().append().appendChunk(kv, layer, 1, from,
            rows(to - from, shape.kvHeads()), rows(to - from, shape.kvHeads()));
      }
      zones(TokenZones.dense(to));
    }

    /** Decode steps that the zones are not told of. */
    void steps(int count) {
      for (int i = 0; i < count; i++) {
        backend.attention().advance().advance(kv, batch);
        for (int layer = 0; layer < shape.layers(); layer++) {
          backend.attention().append().append(kv, layer, batch, rows(1, shape.kvHeads()),
              rows(1, shape.kvHeads()));
        }
      }
    }

    void attend() {
      for (int layer = 0; layer < shape.layers(); layer++) {
        Buffer out = buffers.empty(DType.F32, 1, shape.heads(), shape.headDim());
        backend.attention().decode().attend(kv, layer, batch, rows(1, shape.heads()), null, out);
        outputs.add(buffers.floats(out));
      }
    }

    @Override
    public void close() {
      kv.close();
      buffers.close();
    }
  }

  private static void check(Backend backend, KvShape shape, Consumer<Run> script) {
    try (ScalarBackend scalar = new ScalarBackend();
        Run expected = new Run(scalar, shape);
        Run actual = new Run(backend, shape)) {
      script.accept(expected);
      script.accept(actual);
      for (int i = 0; i < expected.outputs.size(); i++) {
        float[] oracle = expected.outputs.get(i);
        int number = i;
        Tolerance.assertClose(
            IntStream.range(0, oracle.length).mapToDouble(j -> oracle[j]).toArray(),
            actual.outputs.get(i), 2e-5 * 3, () -> "output " + number); // values reach 3 and more
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void afterACut_attendsTheRowsThatStay_andWhatFollows(Backend backend, KvShape shape) {
    check(backend, shape, run -> {
      run.prompt(0, 4400);
      run.steps(2);
      run.zones(TokenZones.dense(2600));
      run.attend();
      run.prompt(2600, 2650);
      run.attend();
      run.zones(new TokenZones(100, 1500, 2650));
      run.steps(3);
      run.attend();
      run.zones(TokenZones.dense(130)); // and below every second copy
      run.attend();
      run.prompt(130, 2300);
      run.attend();
    });
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void stepsTakenBack_leaveNothing(Backend backend, KvShape shape) {
    check(backend, shape, run -> {
      run.prompt(0, 2500);
      run.steps(2);
      run.zones(TokenZones.dense(2500));
      run.attend();
      run.steps(1);
      run.zones(new TokenZones(4, 1200, 2501));
      run.attend();
    });
  }
}
