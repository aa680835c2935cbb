package io.pariskv.eval.ruler;

import io.pariskv.eval.data.Fit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.ToIntFunction;

/**
 * Variable tracking: one chain of assignments among noise, after a short worked example.
 *
 * @param exampleLines lines of noise in the example
 */
record VariableTracking(int exampleLines) implements Recipe {
  private static final int HOPS = 4;
  private static final int EXAMPLE_LETTERS = 3;
  private static final int LETTERS = 5;

  private static final int EXAMPLE_TOKENS = 500;
  private static final int FEWEST_EXAMPLE_LINES = 5;

  private static final String INTRODUCTION = "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n";

  VariableTracking() {
    this(FEWEST_EXAMPLE_LINES);
  }

  /** With the longest example of at most 500 tokens, or an eighth of a short length. */
  @Override
  public Recipe prepared(int length, Random random, ToIntFunction<String> tokens) {
    Chain chain = Chain.draw(EXAMPLE_LETTERS, random);
    int lines = Fit.largest(FEWEST_EXAMPLE_LINES, EXAMPLE_TOKENS,
        Math.min(EXAMPLE_TOKENS, length / 8), 0,
        n -> tokens.applyAsInt(example(chain, n, random))).orElse(FEWEST_EXAMPLE_LINES);
    return new VariableTracking(lines);
  }

  private static String example(Chain chain, int lines, Random random) {
    return INTRODUCTION + chain.context(lines, random) + "\n" + chain.question() + chain.prefix()
        + " " + String.join(" ", chain.variables()) + "\n";
  }

  @Override
  public int maxTokens() {
    return 30;
  }

  @Override
  public int smallest(int length) {
    return HOPS + 1;
  }

  @Override
  public int increment(int length) {
    return length < SHORT ? 5 : 10;
  }

  /** Variables, first to last, and the statements that assign them. */
  private record Chain(String value, List<String> variables, List<String> statements) {

    static Chain draw(int letters, Random random) {
      List<String> variables = new ArrayList<>();
      while (variables.size() <= HOPS) {
        String name = letters(letters, random);
        if (!variables.contains(name) && !name.equals("VAR")) {
          variables.add(name);
        }
      }
      String value = String.valueOf(10_000 + random.nextInt(90_000));
      List<String> statements = new ArrayList<>();
      statements.add("VAR " + variables.getFirst() + " = " + value);
      for (int i = 1; i <= HOPS; i++) {
        statements.add("VAR " + variables.get(i) + " = VAR " + variables.get(i - 1) + " ");
      }
      return new Chain(value, variables, statements);
    }

    private static String letters(int count, Random random) {
      StringBuilder name = new StringBuilder();
      for (int i = 0; i < count; i++) {
        name.append((char) ('A' + random.nextInt(26)));
      }
      return name.toString();
    }

    String context(int lines, Random random) {
      return Haystacks.lines(Collections.nCopies(lines, Haystacks.NOISE), statements, random);
    }

    String question() {
      return "Question: Find all variables that are assigned the value " + value
          + " in the text above.";
    }

    String prefix() {
      return " Answer: According to the chain(s) of variable assignment in the text above, "
          + (HOPS + 1)
          + " variables are assigned the value " + value + ", they are: ";
    }
  }

  @Override
  public Draft draft(int length, int units, int index, Random random) {
    String example = example(Chain.draw(EXAMPLE_LETTERS, random), exampleLines, random);
    Chain asked = Chain.draw(LETTERS, random);
    String context = asked.context(units, random);
    Map<String, Object> labels = new HashMap<>();
    labels.put("data", RulerData.NONE);
    labels.putAll(Niah.depthLabels(asked.statements().stream()
        .map(statement -> Haystacks.depth(context, statement)).toList()));
    return new Draft(example + "\n" + INTRODUCTION + context + "\n", asked.question(),
        asked.prefix(), asked.variables(), labels);
  }
}
