package io.pariskv.eval.exam;

import io.pariskv.error.InputException;
import io.pariskv.eval.Answer;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.JsonData;
import io.pariskv.eval.data.JsonItem;
import io.pariskv.eval.data.Streams;
import io.pariskv.eval.data.TaskData;
import io.pariskv.text.ChatMessage;
import io.pariskv.text.Tokenizer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * LongBench-v2: questions with four choices about long texts, zero-shot. A prompt that is longer than the
 * length loses its middle; the label {@code cut} says whether it did.
 *
 * <p>The file has half a gigabyte, so it is read twice: once to count, once for the samples.
 */
record LongBenchV2(TaskData data) implements Task {
  private static final int MAX_TOKENS = 128;
  private static final double TEMPERATURE = 0.1;
  private static final String BEFORE = "Please read the following text and answer the question below.\n\n<text>\n";
  private static final String AFTER = "\n</text>\n\n";
  private static final String FORMAT = "\n\nFormat your response as follows: \"The correct answer is (insert answer here)\".";
  private static final List<String> LETTERS = List.of("A", "B", "C", "D");

  @Override
  public String name() {
    return "longbench-v2";
  }

  /** Longer items are cut to the length; shorter ones stay as they are. */
  @Override
  public boolean sized() {
    return true;
  }

  /** {@inheritDoc} Prefilled, as published scores are. */
  @Override
  public Protocol protocol() {
    return Protocol.PREFILLED;
  }

  @Override
  public List<Sample> samples(SampleRequest request) {
    Path file = data.require(name(), "data.json", "longbench-v2.json");
    int items = count(file);
    Set<Integer> chosen = new HashSet<>(Chosen.numbers(items, request.count(),
        Streams.random(request.seed(), name())));
    List<Sample> samples = new ArrayList<>();
    int[] next = {0};
    JsonData.forEach(file, item -> {
      if (chosen.contains(next[0]++)) {
        samples.add(sample(request, item, String.valueOf(file.getFileName())));
      }
    });
    return samples;
  }

  /** Items, each with an id of its own: samples are told apart by it. */
  private static int count(Path file) {
    Set<String> ids = new HashSet<>();
    int items = JsonData.forEach(file, item -> {
      String id = item.text("_id");
      if (!ids.add(id)) {
        throw item.error("\"_id\"", "is " + id, "expected one that no item before has");
      }
    });
    if (items == 0) {
      throw new InputException(file + " has no items; download it again");
    }
    return items;
  }

  private Sample sample(SampleRequest request, JsonItem item, String source) {
    String answer = item.text("answer");
    if (!LETTERS.contains(answer)) {
      throw item.error("\"answer\"", "is " + answer, "expected A, B, C or D");
    }
    StringBuilder question = new StringBuilder("What is the correct answer to this question: ")
        .append(item.text("question").strip()).append("\nChoices:");
    for (String letter : LETTERS) {
      question.append("\n(").append(letter).append(") ")
          .append(item.text("choice_" + letter).strip());
    }
    String asked = question.append(FORMAT).toString();
    Map<String, Object> labels = new HashMap<>(Map.of("data", source));
    for (String label : List.of("domain", "sub_domain", "difficulty", "length")) {
      labels.put(label, item.text(label));
    }
    String id = item.text("_id");
    Sample whole = new Sample(id, message(BEFORE + item.text("context").strip() + AFTER + asked),
        "", asked, List.of(answer), data.maxTokens() > 0 ? data.maxTokens() : MAX_TOKENS,
        new Sample.Drawing(TEMPERATURE, 1, 0, Streams.seed(request.seed(), name(), id)), labels);
    return fitting(request, whole);
  }

  private Sample fitting(SampleRequest request, Sample whole) {
    String prompt = whole.messages().getFirst().content();
    boolean fits = prompt.length() <= Tokenizer.MAX_TEXT_LENGTH && request.fits(whole);
    if (fits) {
      return with(whole, prompt, whole.question(), "no");
    }
    String cut = MiddleCut.of(prompt, request.length() - whole.maxTokens(),
        text -> request.tokens().applyAsInt(with(whole, text, "", "yes")));
    if (!cut.startsWith(BEFORE) || !cut.endsWith(AFTER + whole.question())) {
      throw new InputException(name() + " cannot be put in " + request.length()
          + " tokens: the question of item " + whole.id()
          + " needs more than half of them; ask for a greater length");
    }
    return with(whole, cut, whole.question(), "yes");
  }

  private static Sample with(Sample sample, String prompt, String question, String cut) {
    Map<String, Object> labels = new HashMap<>(sample.labels());
    labels.put("cut", cut);
    return new Sample(sample.id(), message(prompt), sample.answerPrefix(), question,
        sample.references(), sample.maxTokens(), sample.sampling(), labels);
  }

  private static List<ChatMessage> message(String content) {
    return List.of(new ChatMessage("user", content));
  }

  @Override
  public Grade grade(Sample sample, Answer answer) {
    return Marking.CHOICE.grade(answer.text(), sample.references().getFirst());
  }
}
