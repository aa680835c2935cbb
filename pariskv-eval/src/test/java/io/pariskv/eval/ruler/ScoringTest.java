package io.pariskv.eval.ruler;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScoringTest {

  @Test
  void all_isTheShareFound_whateverTheirCaseAndOrder() {
    List<String> references = List.of("ABC", "def", "ghi", "jkl");
    assertEquals(1, Scoring.ALL.score(" jkl-DEFabcghi", references));
    assertEquals(0.5, Scoring.ALL.score("Abc and Jkl", references));
    assertEquals(0, Scoring.ALL.score("", references));
  }

  @Test
  void part_isOneForAny() {
    assertEquals(1, Scoring.PART.score("in the Kingdom of france.", List.of("France", "Gaul")));
    assertEquals(0, Scoring.PART.score("Spain", List.of("France", "Gaul")));
  }

  @Test
  void controlCharacters_areLineEnds() {
    assertEquals(0, Scoring.ALL.score("12\u000034", List.of("1234")));
    assertEquals(1, Scoring.ALL.score("\u0007 1\t2 \u001f", List.of("1\n2")));
    assertEquals(0, Scoring.ALL.score(" 12 ", List.of(" 12")));
  }

  @Test
  void anAnswerInsideALongerNumber_counts() {
    assertEquals(1, Scoring.ALL.score("912345678", List.of("1234567")));
  }
}
