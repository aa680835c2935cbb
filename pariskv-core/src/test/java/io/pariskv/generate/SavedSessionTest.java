package io.pariskv.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.memory.DType;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.FullAttention;
import io.pariskv.method.MagicPig;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import io.pariskv.method.PqCache;
import io.pariskv.method.Quest;
import io.pariskv.retrieve.Grouping;
import io.pariskv.retrieve.RetrievalBudget;
import io.pariskv.text.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** A session goes on from a file as from the prefill that the file was made of. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SavedSessionTest {
  private static final AttentionMethod FULL = new FullAttention();
  private static final int QUESTION = 24;

  /** A backend that adds in the same order every time, so that what is close selects the same keys: not vectors. */
  private static final String STEADY = Fixtures.backends().contains("cuda") ? "cuda" : "scalar";

  @TempDir
  private static Path directory;

  private LanguageModel model;
  private int[] prompt;
  private int[] document;
  private Path saved;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL,
        Fixtures.options(STEADY).withPrefillChunk(100));
    String text = Fixtures.recall("num-64").get("user").asString();
    int[] whole = model.chatPrompt(List.of(new ChatMessage("user", text)));
    prompt = Arrays.copyOfRange(whole, whole.length - 240, whole.length);
    document = Arrays.copyOf(prompt, prompt.length - QUESTION);
    saved = directory.resolve("document.pkv");
    try (Session session = model.newSession(FULL)) {
      session.generate(document, GenerationOptions.greedy(3), GenerationListener.NONE);
      assertEquals(document.length, session.save(saved, true, 1));
    }
  }

  @AfterAll
  void close() {
    model.close();
  }

  private static List<AttentionMethod> methods() {
    ParisKvConfig few = new ParisKvConfig(16, 32, 8, 0, new RetrievalBudget(48, null, null));
    return List.of(FULL, new ParisKv(few), new Quest(null, 64, 16, 1, Grouping.PER_HEAD),
        PqCache.matched(48, 400), MagicPig.matched(48, 400));
  }

  /** One file, whatever the method: its logits are those after a prefill, and its answer theirs. */
  @Test
  void everyMethod_goesOnAsAfterThePrefill() {
    for (AttentionMethod method : methods()) {
      try (Session loaded = model.newSession(method); Session computed = model.newSession(method)) {
        assertEquals(document.length, loaded.load(saved, GenerationListener.NONE).tokens());
        assertEquals(document.length, loaded.length());
        computed.prefill(document, GenerationListener.NONE);
        assertEquals(computed.stepCost(), loaded.stepCost());
        assertArrayEquals(computed.logProbabilities(prompt, document.length + 1),
            loaded.logProbabilities(prompt, document.length + 1), tolerance(STEADY),
            method.toString());
        GenerationOptions options = GenerationOptions.greedy(6);
        loaded.truncate(document.length);
        computed.truncate(document.length);
        GenerationResult found = loaded.generate(prompt, options, GenerationListener.NONE);
        assertEquals(computed.generate(prompt, options, GenerationListener.NONE).tokens(),
            found.tokens());
        assertEquals(document.length, found.cachedTokens());
      }
    }
  }

  /**
   * Compiled code of the vector backend adds in another order than the interpreter (see {@code Outputs} of the cache's tests), and
   * a sum's last bit may round a K or V to the next bf16, which is 2^-8 of it. A wrong row moves these numbers by far more.
   */
  private static double tolerance(String backend) {
    return backend.equals("scalar") ? 0 : 2e-3;
  }

  @Test
  void everyBackend_hasTheLogitsOfItsOwnPrefill_andOfItsFileElsewhere() {
    int[] ids = new Random(7).ints(90, 0, 384).toArray();
    int[] begin = Arrays.copyOf(ids, 80);
    ParisKv few = new ParisKv(new ParisKvConfig(4, 8, 8, 0, new RetrievalBudget(8, null, null)));
    for (DType dtype : List.of(DType.BF16, DType.F32)) {
      for (String backend : Fixtures.backends()) {
        Path file = directory.resolve(backend + dtype);
        double[] expected;
        try (LanguageModel small = small(backend, dtype); Session session = small.newSession(few)) {
          session.prefill(begin, GenerationListener.NONE);
          session.save(file, false, 0);
          expected = session.logProbabilities(ids, 81);
          try (Session loaded = small.newSession(few)) {
            loaded.load(file, GenerationListener.NONE);
            assertArrayEquals(expected, loaded.logProbabilities(ids, 81),
                tolerance(backend));
          }
        }
        for (String other : Fixtures.backends()) {
          try (LanguageModel small = small(other, dtype); Session loaded = small.newSession(few)) {
            loaded.load(file, GenerationListener.NONE);
            assertArrayEquals(expected, loaded.logProbabilities(ids, 81), 0.02);
          }
        }
      }
    }
  }

  private static LanguageModel small(String backend, DType dtype) {
    return LanguageModel.load(Fixtures.model("qwen3-tied"),
        Fixtures.options(backend).withPrefillChunk(16).withKvDtype(dtype));
  }

  @Test
  void otherModel_otherType_andShorterContext_areRefused_andTheSessionGoesOn() {
    try (LanguageModel other = small(Fixtures.backends().getFirst(), DType.BF16);
        Session session = other.newSession(FULL)) {
      session.prefill(new int[]{1, 2, 3}, GenerationListener.NONE);
      assertRefused(session, saved, "another model (recall-12m)", "in qwen3-tied");
      assertEquals(3, session.length());
    }
    try (LanguageModel wide = LanguageModel.load(Fixtures.RECALL_MODEL,
        LoadOptions.defaults().withKvDtype(DType.F32)); Session session = wide.newSession(FULL)) {
      assertRefused(session, saved, "bf16", "f32", "--kv-dtype");
    }
    try (LanguageModel narrow = LanguageModel.load(Fixtures.RECALL_MODEL,
        LoadOptions.defaults().withContext(document.length));
        Session session = narrow.newSession(FULL)) {
      assertRefused(session, saved, "has " + document.length, "context is " + document.length,
          "--context");
    }
    try (Session session = model.newSession(FULL)) {
      assertThrows(InputException.class, () -> session.save(saved, false, 0));
    }
  }

  private static void assertRefused(Session session, Path file, String... parts) {
    String message = String.valueOf(assertThrows(InputException.class,
        () -> session.load(file, GenerationListener.NONE)).getMessage());
    for (String part : parts) {
      assertTrue(message.toLowerCase(Locale.ROOT).contains(part), message);
    }
  }

  @Test
  void damageInTheLastRows_isFound_andNothingStays() throws IOException {
    byte[] bytes = Files.readAllBytes(saved);
    bytes[bytes.length - 100] ^= 4;
    Path damaged = Files.write(directory.resolve("damaged"), bytes);
    for (AttentionMethod method : methods().subList(0, 2)) {
      try (Session session = model.newSession(method); Session fresh = model.newSession(method)) {
        assertRefused(session, damaged, "damaged", "checksum", "layer");
        assertEquals(0, session.length());
        GenerationOptions options = GenerationOptions.greedy(3);
        assertEquals(fresh.generate(document, options, GenerationListener.NONE).tokens(),
            session.generate(document, options, GenerationListener.NONE).tokens());
      }
    }
  }

  @Test
  void listenerThatEnds_leavesWhatIsThere() {
    try (Session session = model.newSession(FULL)) {
      session.load(saved, new GenerationListener() {
        @Override
        public boolean onPrefill(int done, int total) {
          return done < 0;
        }
      });
      assertTrue(session.length() < document.length);
      session.load(saved, GenerationListener.NONE);
      assertEquals(document.length, session.length());
    }
  }

  @Test
  void exactTokens_endWithTheFirstDecodedOne() {
    try (ModelRunner runner = model.newRunner(FULL, 1); Sequence sequence = runner.open()) {
      runner.configure(0, GenerationOptions.greedy(4), document);
      runner.prefill(sequence, document, 50, 0);
      try (DecodeLoop steps = runner.decode(List.of(sequence))) {
        runner.put(0, document[50]);
        steps.run();
        steps.commit(document[50]);
      }
      runner.prefill(sequence, document, 20, ModelRunner.NO_ROW);
      assertEquals(71, sequence.length());
      assertEquals(50, sequence.exactTokens());
      sequence.truncate(30);
      assertEquals(30, sequence.exactTokens());
      runner.prefill(sequence, document, 5, ModelRunner.NO_ROW);
      assertEquals(35, sequence.exactTokens());
      assertFalse(Arrays.equals(document, sequence.tokens()));
    }
  }
}
