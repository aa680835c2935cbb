package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.layer.Linear;
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
 * Linear layers of the bundled model, bf16 weights: operations and weights read a second.
 *
 * <pre>
 * mvn -q package -DskipTests -pl pariskv-bench -am
 * java --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
 *   -cp 'pariskv-bench/target/pariskv-bench.jar:pariskv-bench/target/lib/*' \
 *   org.openjdk.jmh.Main 'MachineBenchmark|MatMulBenchmark'
 * </pre>
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Benchmark)
public class MatMulBenchmark {
  /** Which backend. */
  @Param("vector")
  public String backend = "";

  /** Rows of the input. */
  @Param({"1", "8", "512", "2048"})
  public int rows;

  /** Inputs and outputs of the layer. */
  @Param({"384x1024", "384x256", "1024x384", "384x768", "768x384"})
  public String layer = "";

  private Run run = new Run(Backends.open("scalar"), 1, 1, 1);

  /** A layer, its input and its output. */
  private static final class Run implements AutoCloseable {
    final Backend backend;
    final Allocator memory;
    final Buffer x;
    final Buffer y;
    final Linear linear;

    Run(Backend backend, int rows, int in, int out) {
      this.backend = backend;
      memory = backend.newAllocator();
      x = Numbers.random(memory, 1, DType.F32, rows, in);
      y = memory.allocate(DType.F32, rows, out);
      linear = new Linear(Numbers.random(memory, 2, DType.BF16, out, in), null);
    }

    Buffer multiply() {
      backend.layers().matMul().multiply(x, linear, y);
      return y;
    }

    @Override
    public void close() {
      memory.close();
      backend.close();
    }
  }

  /** Checks a small layer, then makes the inputs. */
  @Setup(Level.Trial)
  public void setUp() {
    try (Run scalar = new Run(Backends.open("scalar"), 17, 70, 45);
        Run other = new Run(Backends.open(backend), 17, 70, 45)) {
      Numbers.requireClose(scalar.multiply(), other.multiply());
    }
    String[] sizes = layer.split("x");
    run.close();
    run = new Run(Backends.open(backend), rows, Integer.parseInt(sizes[0]),
        Integer.parseInt(sizes[1]));
  }

  /** Frees them. */
  @TearDown(Level.Trial)
  public void tearDown() {
    run.close();
  }

  /** One layer. */
  @Benchmark
  public Buffer multiply(Rates rates) {
    double weights = (double) run.linear.in() * run.linear.out();
    rates.gflop += 2e-9 * rows * weights;
    rates.gigabytes += 2e-9 * weights;
    return run.multiply();
  }
}
