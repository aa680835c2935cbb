package io.pariskv.app.quality;

import io.pariskv.eval.recall.RecallDocument;
import io.pariskv.backend.Backend;
import io.pariskv.backend.Backends;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.generate.Session;
import io.pariskv.text.ChatMessage;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * How well the keys are found that matter, with the presets {@code paper} and {@code sharp} and with other centres of
 * keys: on keys and queries of the bundled model that follows a path through a document, and on synthetic ones.
 * Prints a table and a JSON line a row. {@code ./dev quality}, or with the lengths of documents:
 * {@code ./dev quality 16384,32768}.
 */
public final class RetrievalQuality {
  /** Seeds of documents and keys; settings were chosen on others. */
  private static final long[] SEEDS = {200, 201};

  private static final int HOPS = 8;

  /** Every so many steps of the answer give a query. */
  private static final int EVERY = 5;

  private static final int SYNTHETIC_TOKENS = 65_536;
  private static final int SYNTHETIC_QUERIES = 12;

  private static final List<SyntheticKeys> SYNTHETIC = List.of(
      new SyntheticKeys("a common mean", 1.5, 0.1, 0),
      new SyntheticKeys("a mean, norms spread", 1.5, 0.5, 0),
      new SyntheticKeys("a mean, RoPE", 1.5, 0.1, 5e5),
      new SyntheticKeys("a large mean, RoPE", 4, 0.3, 5e5));

  private RetrievalQuality() {
  }

  /** Measures everything. */
  public static void main(String[] args) {
    String lengths = args.length > 0 ? args[0] : "16384,32768";
    System.out.println("| keys | settings | candidates | recall@100 | captured | mass |");
    System.out.println("| --- | --- | ---: | ---: | ---: | ---: |");
    for (String tokens : lengths.split(",", -1)) {
      for (long seed : SEEDS) {
        document(Integer.parseInt(tokens), seed);
      }
    }
    try (Backend backend = Backends.open("vector")) {
      for (SyntheticKeys keys : SYNTHETIC) {
        KeysAndQueries set = keys.draw(backend, SYNTHETIC_TOKENS, SYNTHETIC_QUERIES, SEEDS[0]);
        report(backend, set, SYNTHETIC_TOKENS, SEEDS[0]);
        set.kv().close();
      }
    }
  }

  private static void document(int tokens, long seed) {
    RecallDocument document = RecallDocument.path(tokens, HOPS, seed);
    RecordedQueries method = new RecordedQueries(EVERY);
    try (
        LanguageModel model = LanguageModel.load(Path.of("models/recall-12m"),
            LoadOptions.defaults().withBackend("vector"));
        Session session = model.newSession(method)) {
      GenerationResult result = session.generate(
          List.of(new ChatMessage("user", document.text())),
          GenerationOptions.greedy(HOPS * RecallDocument.SENTENCE_TOKENS),
          GenerationListener.NONE);
      report(model.backend(), new KeysAndQueries("recall-12m", method.store(),
          result.promptTokens(), method.queries()), tokens, seed);
    }
  }

  private static void report(Backend backend, KeysAndQueries set, int tokens, long seed) {
    ExactAttention exact = ExactAttention.of(set, Scheme.SINK, Scheme.LOCAL, Scheme.K);
    for (Scheme scheme : Scheme.ALL) {
      Scheme.Found found = scheme.run(backend, set, exact);
      System.out.printf(Locale.ROOT, "| %s, %,d, seed %d | %s | %,d | %.3f | %.3f | %.4f |%n",
          set.name(), tokens, seed, scheme.name(), found.candidates(), found.recall(),
          found.captured(), found.mass());
      System.err.printf(Locale.ROOT,
          "{\"what\": \"retrieval quality\", \"keys\": \"%s\", \"tokens\": %d, \"seed\": %d, "
              + "\"settings\": \"%s\", \"k\": %d, \"candidates\": %d, \"recall\": %.4f, "
              + "\"captured\": %.4f, \"mass\": %.4f}%n",
          set.name(), tokens, seed, scheme.name(), Scheme.K, found.candidates(), found.recall(),
          found.captured(), found.mass());
    }
  }
}
