package io.pariskv.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Warmup;

/**
 * All retrieval stages of one layer in order, from the query to the selected positions.
 *
 * <pre>
 * mvn -q -pl pariskv-bench -am compile dependency:build-classpath -Dmdep.outputFile=target/classpath
 * java -cp pariskv-bench/target/classes:$(cat pariskv-bench/target/classpath) org.openjdk.jmh.Main RetrievalBenchmark
 * </pre>
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED"})
public class RetrievalBenchmark {

  /** One decode step of one layer, with tiers. */
  @Benchmark
  public Object paper(RetrievalState state) {
    return retrieve(state.retrieval());
  }

  /** The same with scores. */
  @Benchmark
  public Object sharp(RetrievalState.Sharp state) {
    return retrieve(state.retrieval());
  }

  private static Object retrieve(RetrievalCase retrieval) {
    retrieval.retrieve();
    return retrieval.selection;
  }
}
