package io.pariskv.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.fixtures.Fixtures;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.method.FullAttention;
import io.pariskv.saved.SavedCache;
import io.pariskv.saved.SavedCaches;
import io.pariskv.text.ChatMessage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** An engine saves prompts, and goes on from what was saved. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SavedCachesTest {
  private static final FullAttention FULL = new FullAttention();
  private static final EngineOptions THREE = EngineOptions.defaults().withPlaces(3);
  private static final GenerationOptions SHORT = GenerationOptions.greedy(5).withIgnoreEos(true);

  @TempDir
  private Path directory;
  private LanguageModel model;
  private int[] prompt;
  private int[] document;

  @BeforeAll
  void load() {
    model = LanguageModel.load(Fixtures.RECALL_MODEL, LoadOptions.defaults().withPrefillChunk(100));
    int[] whole = model.chatPrompt(
        List.of(new ChatMessage("user", Fixtures.recall("num-64").get("user").asString())));
    prompt = Arrays.copyOf(whole, 300);
    document = Arrays.copyOf(prompt, 270);
  }

  @AfterAll
  void close() {
    model.close();
  }

  private SavedCaches caches() {
    return SavedCaches.open(directory, model.identity(), model.kvShape());
  }

  private Heard ask(Engine engine, int[] tokens) {
    Heard heard = new Heard();
    engine.submit(new EngineRequest(tokens, SHORT, null), heard);
    return heard;
  }

  private GenerationResult alone(int[] tokens) {
    try (Session session = model.newSession(FULL)) {
      return session.generate(tokens, SHORT, GenerationListener.NONE);
    }
  }

  private static Heard save(Engine engine, int[] tokens, String name) {
    Heard heard = new Heard();
    engine.save(tokens, name, heard);
    return heard;
  }

  private void saveDocument(String name) {
    try (Engine engine = Engine.start(model, FULL, THREE, caches())) {
      assertEquals(0, save(engine, document, name).result().cachedTokens());
    }
  }

  @Test
  void savedPrompt_isWhereLaterRequestsGoOn_alsoAfterARestart() {
    int[] other = prompt.clone();
    other[290] = other[291];
    List<Integer> expected = alone(prompt).tokens();
    List<Integer> expectedOther = alone(other).tokens();
    try (Engine engine = Engine.start(model, FULL, THREE, caches())) {
      Heard stream = ask(engine, Arrays.copyOfRange(prompt, 1, 200)); // beside it
      GenerationResult saved = save(engine, document, "doc").result();
      assertEquals(document.length, saved.promptTokens());
      assertEquals(document.length, ask(engine, prompt).result().cachedTokens());
      stream.result();
    }
    try (Engine engine = Engine.start(model, FULL, THREE.withKeepTokens(0), caches())) {
      GenerationResult first = ask(engine, prompt).result();
      GenerationResult second = ask(engine, other).result();
      assertEquals(expected, first.tokens());
      assertEquals(expectedOther, second.tokens());
      assertEquals(document.length, first.cachedTokens());
      assertEquals(document.length, second.cachedTokens());
      assertEquals(2L * document.length, engine.status().cachedTokens());
      assertEquals(document.length - 1, ask(engine, document).result().cachedTokens());
      assertEquals(100, ask(engine, Arrays.copyOf(document, 101)).result().cachedTokens());
      assertEquals(0, ask(engine, Arrays.copyOf(document, 30)).result().cachedTokens());
    }
  }

  @Test
  void loadedFile_isKeptInMemory_andServesWithoutItsFile() throws IOException {
    saveDocument("kept");
    SavedCaches caches = caches();
    SavedCache kept = Objects.requireNonNull(caches.find("kept"));
    try (Engine engine = Engine.start(model, FULL, THREE, caches)) {
      Heard loaded = new Heard();
      engine.load(kept, loaded);
      assertEquals(document.length, loaded.result().cachedTokens());
      assertTrue(caches.delete("kept"));
      assertNull(caches.find("kept"));
      assertFalse(Files.exists(kept.file()));
      GenerationResult answer = ask(engine, prompt).result();
      assertEquals(document.length, answer.cachedTokens());
      assertEquals(alone(prompt).tokens(), answer.tokens());
    }
    try (Engine engine = Engine.start(model, FULL, THREE.withKeepTokens(100), caches)) {
      assertTrue(String.valueOf(assertThrows(InputException.class,
          () -> engine.load(kept, new Heard())).getMessage()).contains("raise keep-tokens"));
    }
  }

  /** What was asked for fails; an answer is computed instead, and the file is not used again. */
  @Test
  void damagedFile_failsWhoAskedForIt_butNoAnswer() throws IOException {
    saveDocument("bad");
    Path file = directory.resolve("bad.pkv");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 50] ^= 1;
    Files.write(file, bytes);
    SavedCaches caches = caches();
    SavedCache bad = Objects.requireNonNull(caches.find("bad"));
    assertNull(bad.problem());
    try (Engine engine = Engine.start(model, FULL, THREE.withKeepTokens(280), caches)) {
      GenerationResult answer = ask(engine, prompt).result();
      assertEquals(alone(prompt).tokens(), answer.tokens());
      assertEquals(0, answer.cachedTokens());
      assertTrue(String.valueOf(Objects.requireNonNull(caches.find("bad")).problem())
          .contains("damaged"));
      Heard asked = new Heard();
      engine.load(bad, asked);
      assertInstanceOf(InputException.class, asked.failure());
    } finally {
      Files.delete(file);
    }
  }

  @Test
  void cancelledSave_leavesNothing_andTheEngineGoesOn() throws IOException {
    try (Engine engine = Engine.start(model, FULL, THREE.withKeepTokens(0), caches())) {
      Heard heard = new Heard() {
        @Override
        public boolean onPrefill(int done, int total) {
          return done < total;
        }
      };
      engine.save(document, "never", heard);
      heard.result();
      assertEquals(alone(prompt).tokens(), ask(engine, prompt).result().tokens());
    }
    try (var files = Files.list(directory)) {
      assertFalse(files.anyMatch(file -> file.toString().contains("never")));
    }
  }

  @Test
  void namesAreNoPaths_andFilesOfOtherModelsAreNotSeen() throws IOException {
    for (String name : List.of("", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\0",
        "x".repeat(101),
        "é", "-x", "a b")) {
      assertFalse(SavedCaches.isName(name), name);
      assertThrows(InputException.class, () -> caches().file(name));
    }
    saveDocument("mine");
    Files.writeString(directory.resolve("text.pkv"), "no cache");
    Path left = Files.writeString(directory.resolve("left.pkv.part"), "half");
    SavedCaches caches = caches();
    assertFalse(Files.exists(left));
    assertNotNull(Objects.requireNonNull(caches.find("text")).problem());
    assertNull(Objects.requireNonNull(caches.find("mine")).problem());
    assertTrue(caches.isTaken("mine"));
    try (LanguageModel other = LanguageModel.load(Fixtures.model("qwen3-tied"))) {
      SavedCaches others = SavedCaches.open(directory, other.identity(), other.kvShape());
      assertNull(others.find("mine"));
      assertFalse(others.delete("mine"));
      assertTrue(others.isTaken("mine"));
    }
    assertTrue(caches.delete("mine"));
    assertTrue(caches.delete("text"));
  }

  @Test
  void engineWithoutADirectory_saysSo() {
    try (Engine engine = Engine.start(model, FULL, THREE)) {
      assertNull(engine.savedCaches());
      assertThrows(IllegalStateException.class, () -> save(engine, document, "x"));
    }
  }
}
