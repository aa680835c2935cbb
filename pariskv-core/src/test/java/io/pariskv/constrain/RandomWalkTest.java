package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** Any tokens that may follow are chosen until an answer ends; it must be of its form. */
class RandomWalkTest {
  private static final long SEED = Long.getLong("pariskv.seed", new Random().nextLong());

  static List<JsonNode> schemas() {
    return Schemas.all();
  }

  @ParameterizedTest
  @MethodSource("schemas")
  void answers_satisfyTheirSchema(JsonNode schema) {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.random(random, 400);
    Constraint constraint = tokens.constraints().to(new Form.Json(schema));
    Judge judge = new Judge(schema);
    for (int i = 0; i < 30; i++) {
      judge.requireValid(RandomWalk.of(tokens).answer(constraint, random, random.nextInt(40)),
          SEED);
    }
  }

  @Test
  void answersOfRandomSchemas_satisfyThem() {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.random(random, 400);
    int made = 0;
    for (int i = 0; i < 150; i++) {
      JsonNode schema = RandomSchema.of(random).schema();
      Constraint constraint;
      try {
        constraint = tokens.constraints().to(new Form.Json(schema));
      } catch (InputException e) {
        assertTrue(String.valueOf(e.getMessage()).contains("fits no value"),
            "seed " + SEED + ", " + schema + ": " + e.getMessage());
        continue;
      }
      made++;
      Judge judge = new Judge(schema);
      for (int k = 0; k < 4; k++) {
        judge.requireValid(
            RandomWalk.of(tokens).answer(constraint, random, random.nextInt(40)), SEED);
      }
    }
    assertTrue(made > 75, "seed " + SEED + ", only " + made + " schemas fit a value");
  }

  @Test
  void valuesOfRandomSchemas_mayBeWritten() {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.random(random, 400);
    for (int i = 0; i < 150; i++) {
      RandomSchema made = RandomSchema.of(random);
      for (int k = 0; k < 4; k++) {
        JsonNode value = made.value(random);
        if (value.isMissingNode()) {
          continue;
        }
        String text = k % 2 == 0 ? value.toString() : value.toPrettyString();
        Constraint constraint = tokens.constraints().to(new Form.Json(made.schema()));
        Constraint.Progress progress = constraint.start();
        String message = "seed " + SEED + ", " + text + " of " + made.schema();
        for (int token : tokens.split(text, random)) {
          assertTrue(tokens.allowed(progress)[token], message);
          progress.accept(token);
        }
        assertTrue(tokens.allowed(progress)[tokens.end()], message);
      }
    }
  }

  /** To try all tokens would take too long. */
  @Test
  void formsThatAreReadInTooManyWays_areWrittenByteByByte() {
    Random random = new Random(SEED);
    String name = "n".repeat(24);
    JsonNode schema = Schemas.of("{'type': 'array', 'minItems': 1, 'items': {'anyOf': ["
        + IntStream.range(100, 880)
            .mapToObj(i -> "{'properties': {'" + name + i + "': {'const': 1}}}")
            .collect(Collectors.joining(", "))
        + "]}}");
    ByteTokens tokens = ByteTokens.allBytesAnd(name, "xx", "{\"", "\":");
    Constraint constraint = tokens.constraints().to(new Form.Json(schema));
    Constraint.Progress progress = constraint.start();
    tokens.split("[{\"", random).forEach(progress::accept);
    boolean[] allowed = tokens.allowed(progress);
    assertTrue(allowed['x'] && allowed['n'] && allowed['"'] && !allowed['\n']);
    assertFalse(allowed[257], "xx");
    new Judge(schema).requireValid(RandomWalk.of(tokens).answer(constraint, random, 4), SEED);
  }

  @Test
  void anyObject_isAnObject() {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.random(random, 400);
    Constraint constraint = tokens.constraints().to(new Form.AnyObject());
    for (int i = 0; i < 60; i++) {
      String answer = RandomWalk.of(tokens).answer(constraint, random, random.nextInt(100));
      assertTrue(Schemas.MAPPER.readTree(answer).isObject(), "seed " + SEED + ", " + answer);
    }
  }

  @Test
  void textUntilAnEnd_hasItOnceAtItsEnd() {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.allBytesAnd("</", "think>", "</think", "k></", "ä", "a</think>b",
        "n>", "</</think>", "<", "</t");
    for (String end : List.of("</think>", "aab", "ä", "n>n>", "x")) {
      Constraint constraint = tokens.constraints()
          .to(Form.of(new Form.Until(end), new Form.Literal("!")));
      for (int i = 0; i < 8; i++) {
        String answer = RandomWalk.of(tokens).answer(constraint, random, random.nextInt(60), end);
        assertEquals(answer.length() - end.length() - 1, answer.indexOf(end),
            "seed " + SEED + ", " + answer);
        assertTrue(answer.endsWith(end + "!"));
      }
    }
  }
}
