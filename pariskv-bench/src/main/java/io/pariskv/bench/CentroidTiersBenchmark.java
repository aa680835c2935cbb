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
 * Ranking of the centroids of 8 KV heads with 16 subspaces each.
 *
 * <pre>
 * mvn -q -pl pariskv-bench -am compile dependency:build-classpath -Dmdep.outputFile=target/classpath
 * java -cp pariskv-bench/target/classes:$(cat pariskv-bench/target/classpath) org.openjdk.jmh.Main CentroidTiersBenchmark
 * </pre>
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED"})
public class CentroidTiersBenchmark {

  /** All subspaces of all KV heads. */
  @Benchmark
  public Object rank(RetrievalState state) {
    RetrievalCase retrieval = state.retrieval();
    retrieval.makeTable();
    return retrieval.table;
  }
}
