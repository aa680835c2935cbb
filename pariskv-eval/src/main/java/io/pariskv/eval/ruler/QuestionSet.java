package io.pariskv.eval.ruler;

import io.pariskv.error.InputException;
import io.pariskv.eval.data.JsonData;
import io.pariskv.eval.data.JsonItem;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Documents and questions about them.
 *
 * @param source what samples say their data is
 * @param documents each once
 */
record QuestionSet(String source, List<String> documents, List<Question> questions) {

  /**
   * One question.
   *
   * @param answers any of them is right
   * @param gold numbers of the documents that are always given
   * @param related numbers of documents that are given before others
   */
  record Question(String text, List<String> answers, List<Integer> gold, List<Integer> related) {
  }

  /** So many documents every sample of these questions has. */
  int fewestDocuments() {
    return questions.stream().mapToInt(question -> question.gold().size()).max().orElse(1);
  }

  /** Numbers texts in the order they first come. */
  private static final class Documents {
    private final Map<String, Integer> numbers = new LinkedHashMap<>();

    int number(String text) {
      return numbers.computeIfAbsent(text, any -> numbers.size());
    }

    QuestionSet with(Path file, List<Question> questions) {
      if (questions.isEmpty()) {
        throw new InputException(
            file + " has no questions that can be answered; download it again");
      }
      return new QuestionSet(String.valueOf(file.getFileName()), List.copyOf(numbers.keySet()),
          List.copyOf(questions));
    }
  }

  /** SQuAD 2.0 as published: {@code data[].paragraphs[].{context, qas[]}}; questions without answer left out. */
  static QuestionSet squad(Path file) {
    Documents documents = new Documents();
    List<Question> questions = new ArrayList<>();
    for (JsonItem article : JsonData.value(file).list("data")) {
      List<JsonItem> paragraphs = article.list("paragraphs");
      List<Integer> numbers = paragraphs.stream()
          .map(paragraph -> documents.number(paragraph.text("context"))).distinct().toList();
      for (JsonItem paragraph : paragraphs) {
        int gold = documents.number(paragraph.text("context"));
        List<Integer> related = numbers.stream().filter(number -> number != gold).toList();
        for (JsonItem question : paragraph.list("qas")) {
          if (!question.flag("is_impossible")) {
            List<String> answers = question.list("answers").stream()
                .map(answer -> answer.text("text")).distinct().toList();
            if (answers.isEmpty()) {
              throw question.error("\"answers\"", "is empty", "expected at least one");
            }
            questions.add(new Question(question.text("question"), answers, List.of(gold), related));
          }
        }
      }
    }
    return documents.with(file, questions);
  }

  /** HotpotQA's distractor setting as published: {@code [].{question, answer, context[[title, [sentence]]]}}. */
  static QuestionSet hotpot(Path file) {
    Documents documents = new Documents();
    List<Question> questions = new ArrayList<>();
    JsonData.forEach(file, item -> {
      List<Integer> gold = item.list("context").stream()
          .map(document -> documents.number(hotpotDocument(document))).distinct().toList();
      questions.add(
          new Question(item.text("question"), List.of(item.text("answer")), gold, List.of()));
    });
    return documents.with(file, questions);
  }

  private static String hotpotDocument(JsonItem document) {
    List<JsonItem> parts = document.elements();
    if (parts.size() != 2) {
      throw document.error("this", "has " + parts.size() + " parts",
          "expected a title and a list of sentences");
    }
    return parts.getFirst().asText() + "\n" + String.join("",
        parts.getLast().elements().stream().map(JsonItem::asText).toList());
  }
}
