package io.pariskv.constrain;

import io.pariskv.text.Tokenizer;
import java.net.URISyntaxException;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Tokens of tokenizers of models: bytes as letters, and bytes as tokens of their own. */
class TokenizersTest {
  private static final long SEED = Long.getLong("pariskv.seed", new Random().nextLong());

  static Stream<Path> files() throws URISyntaxException {
    Path fallback = Path.of(Objects.requireNonNull(
        TokenizersTest.class.getResource("/fixtures/tokenizer/byte-fallback.json")).toURI());
    return Stream.of(fallback, fallback.resolveSibling("byte-level.json"),
        Path.of(System.getProperty("project.root", ".."))
            .resolve("models/recall-12m/tokenizer.json"));
  }

  @ParameterizedTest
  @MethodSource("files")
  void answersOfTokens_satisfyTheirSchema(Path file) {
    Random random = new Random(SEED);
    try (Tokenizer tokenizer = Tokenizer.load(file)) {
      int end = IntStream.range(0, tokenizer.vocabularySize()).filter(tokenizer::isSpecial)
          .findFirst().orElseThrow();
      int rows = tokenizer.vocabularySize() + 3;
      Constraints constraints = Constraints.of(tokenizer, Set.of(end), rows);
      RandomWalk walk = new RandomWalk(tokenizer, end, rows);
      for (int i : List.of(5, 6, 8, 16, 17)) {
        JsonNode schema = Schemas.all().get(i);
        Constraint constraint = constraints.to(new Form.Json(schema));
        Judge judge = new Judge(schema);
        for (int k = 0; k < 5; k++) {
          judge.requireValid(walk.answer(constraint, random, random.nextInt(30)), SEED);
        }
      }
    }
  }
}
