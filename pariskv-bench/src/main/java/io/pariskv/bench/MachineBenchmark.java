package io.pariskv.bench;

import io.pariskv.memory.DType;
import io.pariskv.memory.HostAllocator;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * What the machine can do, to compare the stages with: multiply-adds on registers and reading of memory
 * that no cache holds, on all cores.
 *
 * <pre>
 * mvn -q package -DskipTests -pl pariskv-bench -am
 * java --add-modules=jdk.incubator.vector --enable-native-access=ALL-UNNAMED \
 *   -cp 'pariskv-bench/target/pariskv-bench.jar:pariskv-bench/target/lib/*' org.openjdk.jmh.Main MachineBenchmark
 * </pre>
 */
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Threads(Threads.MAX)
@State(Scope.Benchmark)
public class MachineBenchmark {
  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
  private static final int STEPS = 100_000;
  private static final int ACCUMULATORS = 12;
  private static final long PART = 16L << 20;
  private static final int PARTS = 64;

  private final AtomicInteger next = new AtomicInteger();
  private final HostAllocator memory = new HostAllocator();
  private MemorySegment bytes = MemorySegment.NULL;

  /** Memory that is really there. */
  @Setup(Level.Trial)
  public void setUp() {
    bytes = memory.allocate(DType.U8, PART * PARTS).segment().fill((byte) 1);
  }

  /** Frees it. */
  @TearDown(Level.Trial)
  public void tearDown() {
    memory.close();
  }

  /** Multiply-adds on twelve registers. */
  @Benchmark
  public float multiplyAdds(Rates rates) {
    FloatVector factor = FloatVector.broadcast(SPECIES, 0.999f);
    FloatVector term = FloatVector.broadcast(SPECIES, 0.001f);
    FloatVector a0 = term;
    FloatVector a1 = term;
    FloatVector a2 = term;
    FloatVector a3 = term;
    FloatVector a4 = term;
    FloatVector a5 = term;
    FloatVector a6 = term;
    FloatVector a7 = term;
    FloatVector a8 = term;
    FloatVector a9 = term;
    FloatVector a10 = term;
    FloatVector a11 = term;
    for (int i = 0; i < STEPS; i++) {
      a0 = a0.fma(factor, term);
      a1 = a1.fma(factor, term);
      a2 = a2.fma(factor, term);
      a3 = a3.fma(factor, term);
      a4 = a4.fma(factor, term);
      a5 = a5.fma(factor, term);
      a6 = a6.fma(factor, term);
      a7 = a7.fma(factor, term);
      a8 = a8.fma(factor, term);
      a9 = a9.fma(factor, term);
      a10 = a10.fma(factor, term);
      a11 = a11.fma(factor, term);
    }
    rates.gflop += 2e-9 * STEPS * ACCUMULATORS * SPECIES.length();
    return a0.add(a1).add(a2).add(a3).add(a4).add(a5).add(a6).add(a7).add(a8).add(a9).add(a10)
        .add(a11)
        .reduceLanes(VectorOperators.ADD);
  }

  /** Reads 16 MiB, another part every time. */
  @Benchmark
  public float read(Rates rates) {
    long at = Math.floorMod(next.getAndIncrement(), PARTS) * PART;
    MemorySegment part = bytes.asSlice(at, PART);
    FloatVector a = FloatVector.zero(SPECIES);
    FloatVector b = a;
    FloatVector c = a;
    FloatVector d = a;
    int step = SPECIES.vectorByteSize();
    for (long i = 0; i < PART; i += 4L * step) {
      a = a.add(FloatVector.fromMemorySegment(SPECIES, part, i, ByteOrder.LITTLE_ENDIAN));
      b = b.add(FloatVector.fromMemorySegment(SPECIES, part, i + step, ByteOrder.LITTLE_ENDIAN));
      c = c.add(FloatVector.fromMemorySegment(SPECIES, part, i + 2L * step,
          ByteOrder.LITTLE_ENDIAN));
      d = d.add(FloatVector.fromMemorySegment(SPECIES, part, i + 3L * step,
          ByteOrder.LITTLE_ENDIAN));
    }
    rates.gigabytes += 1e-9 * PART;
    return a.add(b).add(c.add(d)).reduceLanes(VectorOperators.ADD);
  }
}
