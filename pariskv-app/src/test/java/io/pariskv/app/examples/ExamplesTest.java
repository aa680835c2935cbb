package io.pariskv.app.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli;
import io.pariskv.generate.GenerationResult;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.List;
import java.util.Random;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The examples of the README do what it says, and are in it as they are here. */
class ExamplesTest {
  private static final Pattern EXAMPLE = Pattern
      .compile("(?s)\\R *// example:begin\\R(.*\\R) *// example:end\\R");
  private static final Pattern BLOCK = Pattern.compile("(?s)\\R```java\\R(.*?)```\\R");

  @Test
  void streamAnswer_streamsTheAnswer() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    GenerationResult result = StreamAnswer.answer(Cli.RECALL_MODEL,
        Cli.recall("num-64").get("user").asString(),
        new PrintStream(bytes, true, StandardCharsets.UTF_8));
    assertEquals(" The secret number of the hidden canyon is 3350 .", result.text());
    assertEquals(result.text(), bytes.toString(StandardCharsets.UTF_8));
  }

  @Test
  void cacheOnly_attendsTheKeyThatTheQueryLooksFor() {
    int tokens = 5000;
    int heads = 4;
    int kvHeads = 2;
    int headDim = 64;
    int wanted = 3210;
    float[] wantedKey = row(1, wanted, kvHeads * headDim);
    float[] wantedValue = row(2, wanted, kvHeads * headDim);
    CacheOnly.Engine engine = new CacheOnly.Engine() {
      @Override
      public MemorySegment keys(int from, int to) {
        return rows(1, from, to);
      }

      @Override
      public MemorySegment values(int from, int to) {
        return rows(2, from, to);
      }

      @Override
      public MemorySegment query(int position) {
        float[] query = new float[heads * headDim];
        for (int i = 0; i < query.length; i++) {
          query[i] = 8 * wantedKey[i / headDim / (heads / kvHeads) * headDim + i % headDim];
        }
        return MemorySegment.ofArray(query);
      }

      private MemorySegment rows(int seed, int from, int to) {
        float[] rows = new float[(to - from) * kvHeads * headDim];
        for (int at = from; at < to; at++) {
          System.arraycopy(row(seed, at, kvHeads * headDim), 0, rows,
              (at - from) * kvHeads * headDim, kvHeads * headDim);
        }
        return MemorySegment.ofArray(rows);
      }
    };
    float[] answer = CacheOnly.attend(engine, tokens, heads, kvHeads, headDim);
    for (int i = 0; i < answer.length; i++) {
      int kvHead = i / headDim / (heads / kvHeads);
      assertEquals(wantedValue[kvHead * headDim + i % headDim], answer[i], 0.03, "number " + i);
    }
  }

  /** A row of normal numbers that depends on nothing else. */
  private static float[] row(int seed, int position, int size) {
    Random random = new Random(seed * 1_000_003L + position);
    float[] row = new float[size];
    for (int i = 0; i < size; i++) {
      row[i] = (float) random.nextGaussian();
    }
    return row;
  }

  @Test
  void readme_holdsTheExamplesLineByLine() throws IOException {
    List<String> blocks = BLOCK.matcher(Files.readString(Cli.ROOT.resolve("README.md"))).results()
        .map(match -> match.group(1)).toList();
    assertEquals(List.of(example("StreamAnswer"), example("CacheOnly")), blocks);
  }

  private static String example(String name) throws IOException {
    String source = Files.readString(Cli.ROOT
        .resolve("pariskv-app/src/test/java/io/pariskv/app/examples/" + name + ".java"));
    List<MatchResult> found = EXAMPLE.matcher(source).results().toList();
    assertEquals(1, found.size(), "examples in " + name);
    String lines = found.getFirst().group(1).stripTrailing().stripIndent() + "\n";
    assertTrue(lines.lines().count() > 5, lines);
    return lines;
  }
}
