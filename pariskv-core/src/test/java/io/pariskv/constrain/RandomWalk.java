package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertFalse;

import io.pariskv.text.Tokenizer;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Chooses any tokens that may follow until an answer ends.
 *
 * @param end the token that ends a turn
 * @param rows of the model
 */
record RandomWalk(Tokenizer tokenizer, int end, int rows) {
  private static final String CLOSING = "\"}]nuletrfas01:";

  static RandomWalk of(ByteTokens tokens) {
    return new RandomWalk(tokens, tokens.end(), tokens.rows());
  }

  String answer(Constraint constraint, Random random, int free) {
    return answer(constraint, random, free, CLOSING);
  }

  /**
   * An answer.
   *
   * @param free how many tokens are chosen before those that close something are preferred
   */
  String answer(Constraint constraint, Random random, int free, String closing) {
    Constraint.Progress progress = constraint.start();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < 20_000; i++) {
      List<Integer> any = allowed(progress);
      assertFalse(any.isEmpty(), () -> "stuck after " + bytes);
      List<Integer> preferred = any.stream().filter(token -> closes(token, closing)).toList();
      List<Integer> choice = i < free || preferred.isEmpty() || random.nextInt(16) == 0
          ? any
          : preferred;
      int token = i >= free && any.contains(end)
          ? end
          : choice.get(random.nextInt(choice.size()));
      progress.accept(token);
      if (token == end) {
        return utf8(bytes.toByteArray());
      }
      bytes.writeBytes(tokenizer.tokenBytes(token, i == 0));
    }
    throw new AssertionError("no end to " + bytes);
  }

  List<Integer> allowed(Constraint.Progress progress) {
    int[] forbidden = new int[(rows + 31) / 32];
    progress.forbid(forbidden);
    List<Integer> allowed = new ArrayList<>();
    for (int token = 0; token < rows; token++) {
      if ((forbidden[token >> 5] >>> token & 1) == 0) {
        allowed.add(token);
      }
    }
    return allowed;
  }

  private boolean closes(int token, String closing) {
    if (token == end) {
      return true;
    }
    byte[] bytes = tokenizer.tokenBytes(token, false);
    return bytes.length == 1 && bytes[0] > 0 && closing.indexOf(bytes[0]) >= 0;
  }

  private static String utf8(byte[] bytes) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      throw new AssertionError(new String(bytes, StandardCharsets.UTF_8) + " is not UTF-8", e);
    }
  }
}
