package io.pariskv.eval.exam;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.eval.Grade;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MarkingTest {

  private static void assertUnparsed(Grade grade) {
    assertEquals(0, grade.score());
    assertFalse(grade.parsed());
  }

  @ParameterizedTest
  @ValueSource(strings = {"The correct answer is (B)", "The correct answer is **(B)**",
      "**The correct answer is B**.", "So. The correct answer is B, not A",
      "The correct answer is C? Or rather: The correct answer is (B).",
      "<think>The correct answer is (A)? no</think>\n\nThe correct answer is (B)."})
  void choices_areReadAsPublished(String answer) {
    assertEquals(Grade.of(1), Marking.CHOICE.grade(answer, "B"));
    assertEquals(Grade.of(0), Marking.CHOICE.grade(answer, "D"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "B", "(B)", "Answer: B", "the correct answer is (B)",
      "The correct answer is (insert answer here)", "The correct answer is (E)",
      "The correct answer is \\boxed{B}"})
  void otherWordings_areNotParsedAndWrong(String answer) {
    assertUnparsed(Marking.CHOICE.grade(answer, "B"));
  }

  @Test
  void boxes_nestAndMayBeCutOff() {
    assertEquals(List.of("\\frac{1}{2}", "\\{1, \\sqrt{2}\\}"),
        Boxed.all("a \\boxed{\\frac{1}{2}} } b \\boxed {\\{1, \\sqrt{2}\\}} c \\boxed{3"));
    assertEquals(List.of("x \\boxed{5}", "5"), Boxed.all("\\boxed{x \\boxed{5}}"));
    assertEquals(List.of(), Boxed.all("\\boxed 7, \\boxed{\\}, boxed{2}"));
  }

  @Test
  void manyOpenBoxes_areReadInOnePass() {
    assertEquals(List.of(), Boxed.all("\\boxed{".repeat(200_000)));
  }

  @Test
  void veryLongContents_areWrongAndThrowNothing() {
    for (String content : List.of("1,000".repeat(50_000), "(".repeat(100_000),
        " ".repeat(90_000) + "x",
        "\\text{".repeat(9_000) + "}".repeat(9_000), "(1,".repeat(300) + "1" + ")".repeat(300))) {
      String answer = "\\boxed{" + content + "}";
      assertEquals(0, Marking.EXPRESSION.grade(answer, "(1,2)").score());
      assertUnparsed(Marking.WHOLE_NUMBER.grade(answer, "1"));
    }
  }

  @ParameterizedTest
  @CsvSource({"\\boxed{042},1", "so \\boxed{41} or \\boxed{ 42 },1", "\\boxed{42.},1",
      "\\boxed{\\text{42}},1", "\\boxed{42} and \\boxed{m+n},1", "\\boxed{42^\\circ},1",
      "\\boxed{-42},0", "\\boxed{42} but \\boxed{43},0"})
  void wholeNumbers_areInTheLastBoxThatHoldsOne(String answer, double score) {
    assertEquals(Grade.of(score), Marking.WHOLE_NUMBER.grade(answer, "42"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"The answer is 42.", "\\boxed{42", "\\boxed{}", "\\boxed{4.5}"})
  void numbersOutsideOfBoxes_areNotParsed(String answer) {
    assertUnparsed(Marking.WHOLE_NUMBER.grade(answer, "42"));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"0.5|\\frac{1}{2}", "1/2|\\dfrac12", ".50|\\frac{2}{4}",
      "-\\frac{3}{4}|\\frac{-3}{4}", "1\\frac{1}{2}|1.5", "10{,}000|10000", "10,\\!000|10,000",
      "\\$32,348|32348", "25\\%|25", "90^\\circ|90", "90^{\\circ}|90", "5\\text{ cm}^2|5",
      "\\text{Evelyn}|Evelyn", "\\mathrm{even}|\\text{even}", "\\text{(C)}|C",
      "\\left( 3, \\frac{\\pi}{2} \\right)|(3,\\frac{\\pi}{2})",
      "(0.5, 1)|\\left(\\frac12,1\\right)",
      "x = 5|5", "\\sqrt2|\\sqrt{2}", "2516_{8}|2516_8", "x^{2} + 1|x^2+1", "\\tfrac{5}{9}|5/9",
      "$7$|7", "12.|12", "[-1,\\infty)|[-1, \\infty)", "\\{1, 2\\}|\\{1,2.0\\}", "\\frac1{72}|1/72",
      "3\\quad|3", "007|7"})
  void expressions_thatMeanTheSame_areEqual(String read, String reference) {
    assertTrue(Marking.EXPRESSION.right(read, reference), Latex.normal(read));
    assertTrue(Marking.EXPRESSION.right(reference, read), Latex.normal(reference));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"0.5|0.51", "1/3|0.333", "(1,2)|[1,2]", "(1,2)|(2,1)",
      "1/0|1/0.0", "\\sqrt{2}|2", "x|y", "(1,2)|1,2", "x^{23}|x^2 3", "\\pi|3.14159"})
  void expressions_thatDiffer_areNotEqual(String read, String reference) {
    assertFalse(Marking.EXPRESSION.right(read, reference));
  }

  @Test
  void expressions_areInTheLastBox() {
    assertEquals(Grade.of(1),
        Marking.EXPRESSION.grade("\\boxed{3} no: \\boxed{\\frac{\\sqrt{3}}{2}}.",
            "\\frac{\\sqrt3}{2}"));
    assertUnparsed(Marking.EXPRESSION.grade("It is 3.", "3"));
    assertUnparsed(Marking.EXPRESSION.grade("\\boxed{ }", "3"));
  }
}
