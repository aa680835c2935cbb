package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Causal attention of a chunk of a prompt, one layer of the bundled model: operations a second, of keys
 * that are seen only.
 *
 * <pre>
 * mvn -q package -DskipTests -pl pariskv-bench -am
 * java --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
 *   -cp 'pariskv-bench/target/pariskv-bench.jar:pariskv-bench/target/lib/*' \
 *   org.openjdk.jmh.Main 'MachineBenchmark|PrefillAttentionBenchmark'
 * </pre>
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Benchmark)
public class PrefillAttentionBenchmark {
  /** Which backend. */
  @Param("vector")
  public String backend = "";

  /** Position of the first row. */
  @Param({"0", "14336"})
  public int start;

  /** Rows of the chunk. */
  @Param({"512", "2048"})
  public int rows;

  private Run run = new Run(Backends.open("scalar"), new KvShape(1, 1, 1, 16, DType.F32), 0, 1);

  /** A sequence, the queries of its last rows and what they attend. */
  private static final class Run implements AutoCloseable {
    final Backend backend;
    final Allocator memory;
    final KvStore kv;
    final int slot;
    final int start;
    final Buffer q;
    final Buffer out;

    Run(Backend backend, KvShape shape, int start, int rows) {
      this.backend = backend;
      this.start = start;
      memory = backend.newAllocator();
      kv = backend.newKvStore(shape, 1);
      slot = Numbers.sequence(backend, memory, kv, start + rows);
      q = Numbers.random(memory, 3, DType.F32, rows, shape.heads(), shape.headDim());
      out = memory.allocate(DType.F32, rows, shape.heads(), shape.headDim());
    }

    Buffer attend() {
      backend.attention().prefill().attend(kv, 0, slot, start, q, out);
      return out;
    }

    @Override
    public void close() {
      kv.close();
      memory.close();
      backend.close();
    }
  }

  /** Checks a short chunk, then makes the inputs. */
  @Setup(Level.Trial)
  public void setUp() {
    KvShape small = new KvShape(1, 6, 2, 80, DType.BF16);
    try (Run scalar = new Run(Backends.open("scalar"), small, 100, 150);
        Run other = new Run(Backends.open(backend), small, 100, 150)) {
      Numbers.requireClose(scalar.attend(), other.attend());
    }
    run.close();
    run = new Run(Backends.open(backend), new KvShape(1, 8, 2, 128, DType.BF16), start, rows);
  }

  /** Frees them. */
  @TearDown(Level.Trial)
  public void tearDown() {
    run.close();
  }

  /** One chunk. */
  @Benchmark
  public Buffer attend(Rates rates) {
    double keys = rows * (start + (rows + 1) / 2.0);
    rates.gflop += 4e-9 * keys * 8 * 128;
    return run.attend();
  }
}
