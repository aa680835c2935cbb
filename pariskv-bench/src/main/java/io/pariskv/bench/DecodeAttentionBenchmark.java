package io.pariskv.bench;

import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Allocator;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import java.util.Random;
import org.jspecify.annotations.Nullable;
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
 * Attention of one token over 131,072, one layer with 8 KV heads, 32 query heads of 128, bf16: all of
 * them, or a sink of 128, some selected at random and 512 recent ones.
 *
 * <pre>
 * mvn -q package -DskipTests -pl pariskv-bench -am
 * java --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
 *   -cp 'pariskv-bench/target/pariskv-bench.jar:pariskv-bench/target/lib/*' \
 *   org.openjdk.jmh.Main 'MachineBenchmark|DecodeAttentionBenchmark'
 * </pre>
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@State(Scope.Benchmark)
public class DecodeAttentionBenchmark {
  private static final int SINK = 128;
  private static final int RECENT = 512;

  /** Which backend. */
  @Param("vector")
  public String backend = "";

  /** Tokens of the sequence. */
  @Param("131072")
  public int tokens;

  /** Keys selected for each KV head, or 0 for full attention. */
  @Param({"0", "100", "400"})
  public int selected;

  private Run run = new Run(Backends.open("scalar"), new KvShape(1, 1, 1, 16, DType.F32), 1, 0);

  /** A sequence, a selection, the queries and what they attend. */
  private static final class Run implements AutoCloseable {
    final Backend backend;
    final Allocator memory;
    final KvStore kv;
    final Batch batch;
    final @Nullable Selection selection;
    final Buffer q;
    final Buffer out;

    Run(Backend backend, KvShape shape, int tokens, int selected) {
      this.backend = backend;
      memory = backend.newAllocator();
      kv = backend.newKvStore(shape, 1);
      int slot = Numbers.sequence(backend, memory, kv, tokens);
      batch = new Batch(1, Numbers.ints(memory, slot), Numbers.ints(memory, tokens - 1));
      selection = selected == 0 ? null : select(shape, tokens, selected);
      if (selection != null) {
        kv.setZones(slot, TokenZones.of(tokens, SINK, RECENT));
      }
      q = Numbers.random(memory, 3, DType.F32, 1, shape.heads(), shape.headDim());
      out = memory.allocate(DType.F32, 1, shape.heads(), shape.headDim());
    }

    private Selection select(KvShape shape, int tokens, int selected) {
      int[] positions = new int[shape.kvHeads() * selected];
      int[] counts = new int[shape.kvHeads()];
      Random random = new Random(4);
      for (int h = 0; h < counts.length; h++) {
        counts[h] = selected;
        int[] chosen = random.ints(0, tokens - SINK - RECENT).distinct().limit(selected).sorted()
            .toArray();
        System.arraycopy(chosen, 0, positions, h * selected, selected);
      }
      return new Selection(
          Numbers.ints(memory, positions).reshape(1, shape.kvHeads(), selected),
          Numbers.ints(memory, counts).reshape(1, shape.kvHeads()));
    }

    Buffer attend() {
      backend.attention().decode().attend(kv, 0, batch, q, selection, out);
      return out;
    }

    @Override
    public void close() {
      kv.close();
      memory.close();
      backend.close();
    }
  }

  /** Checks a short sequence, then makes the inputs. */
  @Setup(Level.Trial)
  public void setUp() {
    KvShape small = new KvShape(1, 6, 2, 80, DType.BF16);
    try (Run scalar = new Run(Backends.open("scalar"), small, 1500, selected);
        Run other = new Run(Backends.open(backend), small, 1500, selected)) {
      Numbers.requireClose(scalar.attend(), other.attend());
    }
    run.close();
    run = new Run(Backends.open(backend), new KvShape(1, 32, 8, 128, DType.BF16), tokens,
        selected);
  }

  /** Frees them. */
  @TearDown(Level.Trial)
  public void tearDown() {
    run.close();
  }

  /** One step of one layer. */
  @Benchmark
  public Buffer attend(Rates rates) {
    int attended = selected == 0 ? tokens : SINK + selected + RECENT;
    rates.gigabytes += 1e-9 * attended * run.kv.shape().tokenBytes();
    return run.attend();
  }
}
