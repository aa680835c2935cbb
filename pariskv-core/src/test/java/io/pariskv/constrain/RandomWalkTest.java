package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** Any tokens that may follow are chosen until an answer ends; it must be of its form. Somebody else's validator is the judge. */
class RandomWalkTest {
  private static final long SEED = new Random().nextLong();
  private static final String CLOSING = "\"}]nuletrfas01:";

  static List<JsonNode> schemas() {
    return Schemas.all();
  }

  @ParameterizedTest
  @MethodSource("schemas")
  void answers_satisfyTheirSchema(JsonNode schema) throws CharacterCodingException {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.random(random, 400);
    Constraint constraint = tokens.constraints().to(new Form.Json(schema));
    var judge = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12)
        .getSchema(schema);
    for (int i = 0; i < 30; i++) {
      String answer = walk(tokens, constraint, random, random.nextInt(40));
      String message = "seed " + SEED + ", answer " + answer + " of " + schema;
      try {
        assertEquals(List.of(), judge.validate(Schemas.MAPPER.readTree(answer)), message);
      } catch (JacksonException e) {
        throw new AssertionError(message, e);
      }
    }
  }

  @Test
  void anyObject_isAnObject() throws CharacterCodingException {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.random(random, 400);
    Constraint constraint = tokens.constraints().to(new Form.AnyObject());
    for (int i = 0; i < 60; i++) {
      String answer = walk(tokens, constraint, random, random.nextInt(100));
      assertTrue(Schemas.MAPPER.readTree(answer).isObject(), "seed " + SEED + ", " + answer);
    }
  }

  @Test
  void textUntilAnEnd_hasItOnceAtItsEnd() throws CharacterCodingException {
    Random random = new Random(SEED);
    ByteTokens tokens = ByteTokens.allBytesAnd("</", "think>", "</think", "k></", "ä", "a</think>b",
        "n>", "</</think>", "<", "</t");
    for (String end : List.of("</think>", "aab", "ä", "n>n>", "x")) {
      Constraint constraint = tokens.constraints()
          .to(Form.of(new Form.Until(end), new Form.Literal("!")));
      for (int i = 0; i < 8; i++) {
        String answer = walk(tokens, constraint, random, random.nextInt(60), end);
        assertEquals(answer.length() - end.length() - 1, answer.indexOf(end),
            "seed " + SEED + ", " + answer);
        assertTrue(answer.endsWith(end + "!"));
      }
    }
  }

  /**
   * An answer.
   *
   * @param free how many tokens are chosen before those that close something are preferred
   */
  private static String walk(ByteTokens tokens, Constraint constraint, Random random, int free)
      throws CharacterCodingException {
    return walk(tokens, constraint, random, free, CLOSING);
  }

  private static String walk(ByteTokens tokens, Constraint constraint, Random random, int free,
      String closing) throws CharacterCodingException {
    Constraint.Progress progress = constraint.start();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < 20_000; i++) {
      boolean[] allowed = tokens.allowed(progress);
      List<Integer> any = new ArrayList<>();
      List<Integer> preferred = new ArrayList<>();
      for (int token = 0; token < tokens.rows(); token++) {
        if (allowed[token]) {
          any.add(token);
          if (token == tokens.end() || (token < 0x80 && closing.indexOf(token) >= 0)) {
            preferred.add(token);
          }
        }
      }
      assertFalse(any.isEmpty(), "seed " + SEED + ", stuck after " + bytes);
      List<Integer> choice = i < free || preferred.isEmpty() || random.nextInt(16) == 0
          ? any
          : preferred;
      int token = choice.get(random.nextInt(choice.size()));
      if (i >= free && allowed[tokens.end()]) {
        token = tokens.end();
      }
      progress.accept(token);
      if (token == tokens.end()) {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes.toByteArray()))
            .toString();
      }
      bytes.writeBytes(tokens.bytes(token));
    }
    throw new AssertionError("seed " + SEED + ", no end to " + bytes);
  }
}
