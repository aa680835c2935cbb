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
 * Votes of scores for all keys of one layer, 8 KV heads.
 *
 * <pre>
 * mvn -q -pl pariskv-bench -am compile dependency:build-classpath -Dmdep.outputFile=target/classpath
 * java -cp pariskv-bench/target/classes:$(cat pariskv-bench/target/classpath) org.openjdk.jmh.Main ScoreVoteBenchmark
 * </pre>
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(value = 1, jvmArgsAppend = {"--add-modules=jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED"})
public class ScoreVoteBenchmark {

  /** All keys, all KV heads. */
  @Benchmark
  public Object vote(RetrievalState.Sharp state) {
    RetrievalCase retrieval = state.retrieval();
    retrieval.vote();
    return retrieval.votes;
  }
}
