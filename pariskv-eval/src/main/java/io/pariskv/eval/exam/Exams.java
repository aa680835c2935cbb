package io.pariskv.eval.exam;

import io.pariskv.error.InputException;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.Csv;
import io.pariskv.eval.data.JsonData;
import io.pariskv.eval.data.JsonItem;
import io.pariskv.eval.data.TaskData;
import io.pariskv.eval.exam.SampledExam.Settings;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** The exams, with the prompts and sampling that their reports use. */
public final class Exams {
  private static final String BOXED = "\nPlease reason step by step, and put your final answer within \\boxed{}.";

  /** Characters of a whole number with its unit; no more are looked at. */
  private static final int LONGEST_NUMBER = 40;

  private Exams() {
  }

  /** All exams. Files are read when samples are made. */
  public static List<Task> tasks(TaskData data) {
    return List.of(new LongBenchV2(data),
        new SampledExam("aime", data, List.of("aime.jsonl", "aime25.jsonl", "aime24.jsonl"),
            lines(Exams::aime), new Settings(8, 38_912, 0.7, 0.95, 20), Marking.WHOLE_NUMBER),
        new SampledExam("gpqa", data, List.of("gpqa_diamond.csv"), Exams::gpqa,
            new Settings(1, 38_912, 0.6, 0.95, 20), Marking.CHOICE),
        new SampledExam("math500", data, List.of("math500.jsonl", "test.jsonl"),
            lines(Exams::math), new Settings(4, 32_768, 0.6, 0.95, 20), Marking.EXPRESSION));
  }

  /** Reads one item, the number of which counts from 1. */
  private interface ItemReader {
    Problem read(JsonItem item, int number);
  }

  private static Function<Path, List<Problem>> lines(ItemReader reader) {
    return file -> {
      List<Problem> problems = new ArrayList<>();
      for (JsonItem item : JsonData.lines(file)) {
        problems.add(reader.read(item, problems.size() + 1));
      }
      return checked(file, problems);
    };
  }

  private static Problem aime(JsonItem item, int number) {
    String given = item.textOrNumber("answer", "expected_answer").strip();
    // An export that is often used has 336^\circ.
    String answer = given.length() > LONGEST_NUMBER ? given : Latex.normal(given);
    if (!answer.matches("\\d{1,3}")) {
      throw item.error("\"answer\"", "is " + given, "expected a whole number from 0 to 999");
    }
    return new Problem(item.textOrNumberOr(String.valueOf(number), "id"),
        item.text("problem", "question") + BOXED, answer, Map.of());
  }

  private static Problem math(JsonItem item, int number) {
    return new Problem(item.text("unique_id"), item.text("problem") + BOXED, item.text("answer"),
        Map.of("subject", item.text("subject"), "level", item.textOrNumber("level")));
  }

  private static List<Problem> gpqa(Path file) {
    return checked(file, Csv.read(file).stream().map(Exams::gpqa).toList());
  }

  private static Problem gpqa(Csv.Row row) {
    String id = row.text("Record ID").strip();
    String right = row.text("Correct Answer").strip();
    List<String> choices = new ArrayList<>(List.of(right, row.text("Incorrect Answer 1").strip(),
        row.text("Incorrect Answer 2").strip(), row.text("Incorrect Answer 3").strip()));
    List<Integer> order = new ArrayList<>(List.of(0, 1, 2, 3));
    Collections.shuffle(order, new Random(firstBytesOfSha256(id)));
    StringBuilder prompt = new StringBuilder("What is the correct answer to this question: ")
        .append(row.text("Question").strip()).append("\n\nChoices:");
    for (int i = 0; i < order.size(); i++) {
      prompt.append("\n(").append(letter(i)).append(") ").append(choices.get(order.get(i)));
    }
    prompt.append(
        "\n\nFormat your response as follows: \"The correct answer is (insert answer here)\"");
    Map<String, Object> labels = new HashMap<>();
    label(labels, "domain", row.textOrNull("High-level domain"));
    label(labels, "subdomain", row.textOrNull("Subdomain"));
    return new Problem(id, prompt.toString(), letter(order.indexOf(0)), labels);
  }

  private static String letter(int choice) {
    return String.valueOf((char) ('A' + choice));
  }

  private static void label(Map<String, Object> labels, String name,
      @Nullable String value) {
    if (value != null && !value.isBlank()) {
      labels.put(name, value.strip());
    }
  }

  /** A problem's options stand in one order, whatever else is asked and in which run. */
  private static long firstBytesOfSha256(String id) {
    try {
      byte[] hash = MessageDigest.getInstance("SHA-256")
          .digest(id.getBytes(StandardCharsets.UTF_8));
      return ByteBuffer.wrap(hash).getLong();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  private static List<Problem> checked(Path file, List<Problem> problems) {
    if (problems.isEmpty()) {
      throw new InputException(file + " has no problems; download it again");
    }
    Set<String> ids = new HashSet<>();
    for (Problem problem : problems) {
      if (!ids.add(problem.id())) {
        throw new InputException(file + " has two problems with the id " + problem.id()
            + ", expected different ones; correct it or download it again");
      }
    }
    return problems;
  }
}
