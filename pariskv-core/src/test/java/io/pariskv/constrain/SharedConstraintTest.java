package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

class SharedConstraintTest {

  @Test
  void answersOnManyThreads_areThoseOfOneThread()
      throws InterruptedException, ExecutionException {
    ByteTokens tokens = ByteTokens.random(new Random(3), 400);
    Form form = new Form.Json(Schemas.all().get(5));
    Constraint shared = tokens.constraints().to(form);
    List<Future<String>> answers = new ArrayList<>();
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      for (int i = 0; i < 24; i++) {
        Random random = new Random(i);
        answers.add(threads.submit(() -> RandomWalk.of(tokens).answer(shared, random, 30)));
      }
    }
    for (int i = 0; i < answers.size(); i++) {
      assertEquals(
          RandomWalk.of(tokens).answer(tokens.constraints().to(form), new Random(i), 30),
          answers.get(i).get());
    }
  }

  /** More states than are remembered: an answer goes on where it was. */
  @Test
  void answersThatWait_goOn() {
    ByteTokens tokens = ByteTokens.allBytesAnd("ab");
    Constraint constraint = tokens.constraints()
        .to(new Form.Json(Schemas.of("{'type': 'string', 'maxLength': 30000}")));
    Constraint.Progress waiting = constraint.start();
    waiting.accept('"');
    waiting.accept('x');
    Constraint.Progress other = constraint.start();
    other.accept('"');
    for (int i = 0; i < 20_000; i++) {
      other.accept('y');
      if (i % 100 == 0) {
        other.forbid(new int[(tokens.rows() + 31) / 32]);
      }
    }
    waiting.accept('"');
    assertEquals(List.of(tokens.end()), RandomWalk.of(tokens).allowed(waiting));
    waiting.accept(tokens.end());
    assertEquals(List.of(), RandomWalk.of(tokens).allowed(waiting));
  }

  @Test
  void answersThatNestDeep_endWhereTheyBegan() {
    ByteTokens tokens = ByteTokens.allBytesAnd("ab");
    Constraint.Progress progress = tokens.constraints().to(new Form.Json(Schemas.of("{}")))
        .start();
    for (int i = 0; i < 3000; i++) {
      progress.accept('[');
    }
    for (int i = 0; i < 3000; i++) {
      progress.accept(']');
    }
    assertEquals(List.of(tokens.end()), RandomWalk.of(tokens).allowed(progress));
  }

  @Test
  void tokensThatMayNotFollow_areRefused() {
    ByteTokens tokens = ByteTokens.allBytesAnd("ab");
    Constraint constraint = tokens.constraints().to(new Form.Literal("ab"));
    Constraint.Progress progress = constraint.start();
    assertThrows(IllegalArgumentException.class, () -> progress.accept('b'));
    assertThrows(IllegalArgumentException.class, () -> progress.accept(tokens.end()));
    assertThrows(IllegalArgumentException.class, () -> progress.accept(tokens.rows() - 1));
    assertThrows(IllegalArgumentException.class, () -> progress.accept(-1));
    assertThrows(IllegalArgumentException.class, () -> progress.forbid(new int[1]));
    progress.accept(256);
    progress.accept(tokens.end());
    assertThrows(IllegalArgumentException.class, () -> progress.accept('a'));
  }
}
