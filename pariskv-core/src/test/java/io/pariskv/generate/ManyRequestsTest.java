package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.fixtures.Fixtures;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.retrieve.RetrievalBudget;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.parallel.Isolated;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Requests of mixed lengths, cancelled at random points, leave nothing behind. */
@Isolated("measures the process")
class ManyRequestsTest {
  /** On a CPU a few show what there is to show; the GPU's memory needs many. */
  private static final int REQUESTS = Fixtures.CUDA ? 1_000 : 60;

  /** By then every buffer that is kept for later has been made. */
  private static final int SETTLED = REQUESTS / 4;

  private static final int LONGEST = 3_000;
  private static final long SEED = 20261122;

  /** Of allocators and libraries, not of requests. */
  private static final long SLACK = 32L << 20;

  /** Memory held at a point, in bytes. */
  private record Held(long gpu, long heap, long resident) {
    static Held now(LanguageModel model) throws IOException {
      System.gc();
      Runtime runtime = Runtime.getRuntime();
      return new Held(-model.backend().available().gpuBytes(),
          runtime.totalMemory() - runtime.freeMemory(), residentBytes());
    }

    /** Of the whole process, pinned memory included; 0 where the system does not say. */
    private static long residentBytes() throws IOException {
      Path status = Path.of("/proc/self/status");
      if (!Files.isReadable(status)) {
        return 0;
      }
      try (Stream<String> lines = Files.lines(status)) {
        return lines.filter(line -> line.startsWith("VmRSS:"))
            .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024).sum();
      }
    }
  }

  static Stream<String> backends() {
    return Fixtures.backends().stream().filter(name -> !name.equals("scalar"));
  }

  @ParameterizedTest
  @MethodSource("backends")
  void manyRequests_doNotGrowMemory(String backend) throws IOException {
    Random random = new Random(SEED);
    LoadOptions options = Fixtures.options(backend).withPrefillChunk(512);
    try (LanguageModel model = LanguageModel.load(Fixtures.model("qwen3-tied"), options)) {
      Held settled = Held.now(model);
      for (int i = 0; i < REQUESTS; i++) {
        request(model, random);
        if (i == SETTLED) {
          settled = Held.now(model);
        }
      }
      Held last = Held.now(model);
      String numbers = "seed " + SEED + ": " + settled + " after " + SETTLED + " requests, " + last
          + " after " + REQUESTS;
      assertTrue(last.gpu - settled.gpu <= 0, numbers);
      assertTrue(last.heap - settled.heap < SLACK, numbers);
      assertTrue(last.resident - settled.resident < 4 * SLACK, numbers);
    }
  }

  private static void request(LanguageModel model, Random random) {
    int positions = model.config().maxPositions();
    int[] prompt = random.ints(1 + random.nextInt(Math.min(LONGEST, positions - 40)), 0,
        model.config().vocabSize()).toArray();
    AttentionMethod method = random.nextBoolean()
        ? new FullAttention()
        : new ParisKv(new ParisKvConfig(16, 64, 32, 200, new RetrievalBudget(48, null, null)));
    int prefillEnd = random.nextInt(3) == 0 ? random.nextInt(prompt.length) : prompt.length;
    int tokens = 1 + random.nextInt(30);
    try (Session session = model.newSession(method)) {
      session.generate(prompt, GenerationOptions.greedy(30).withIgnoreEos(true),
          new GenerationListener() {
            private int seen;

            @Override
            public boolean onPrefill(int done, int total) {
              return done <= prefillEnd;
            }

            @Override
            public boolean onToken(int token, String text) {
              return ++seen < tokens;
            }
          });
    }
  }
}
