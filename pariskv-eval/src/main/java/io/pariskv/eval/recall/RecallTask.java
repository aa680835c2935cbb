package io.pariskv.eval.recall;

import io.pariskv.error.InputException;
import io.pariskv.eval.Answer;
import io.pariskv.eval.Grade;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;
import io.pariskv.eval.Task;
import io.pariskv.eval.data.MadeList;
import io.pariskv.text.ChatMessage;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.IntFunction;

/**
 * Questions about documents that the bundled model was trained for. An answer is right if every sentence of it is,
 * letter by letter. The question can be fed through decode steps, so that the method has to find what it asks for.
 */
public final class RecallTask implements Task {
  /** The end of the turn. */
  private static final int END_TOKENS = 2;

  /** What is asked for. */
  private enum Kind {
    NUMBER, LIST, PATH
  }

  private final Kind kind;
  /** Sentences of the answer. */
  private final int answers;

  private RecallTask(Kind kind, int answers) {
    this.kind = kind;
    this.answers = answers;
  }

  /** One number; where its sentence stands is the label {@code depth}, spread evenly over the samples of a cell. */
  public static RecallTask number() {
    return new RecallTask(Kind.NUMBER, 1);
  }

  /** Four numbers; the measure {@code right} counts the sentences that are right, wherever they stand. */
  public static RecallTask list() {
    return new RecallTask(Kind.LIST, 4);
  }

  /** Sixteen hops from link to link; the measure {@code hops} counts those before the first error. */
  public static RecallTask path() {
    return path(16);
  }

  /** The same with {@code hops} hops. */
  public static RecallTask path(int hops) {
    return new RecallTask(Kind.PATH, hops);
  }

  @Override
  public String name() {
    return "recall-" + kind.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public boolean sized() {
    return true;
  }

  /** {@inheritDoc} Fed: what is prefilled with the document has the answer in its own K and V. */
  @Override
  public Protocol protocol() {
    return Protocol.FED;
  }

  /** {@inheritDoc} A sample is made when the list is asked for it. */
  @Override
  public List<Sample> samples(SampleRequest request) {
    requireRoom(request, sample(0, least(), 0, request.seed()));
    return new MadeList<>(request.count(), i -> {
      double depth = (i + 0.5) / request.count();
      long seed = ((request.seed() * 31 + answers) * 31 + request.length()) * 1_000_003 + i;
      return fit(request, sentences -> sample(i, sentences, depth, seed));
    });
  }

  /** The longest document that leaves room for the answer. */
  private Sample fit(SampleRequest request, IntFunction<Sample> made) {
    int least = least();
    int sentences = Math.max(least, request.length() / RecallDocument.SENTENCE_TOKENS);
    int tooMany = Integer.MAX_VALUE;
    while (true) {
      Sample sample = made.apply(sentences);
      int room = sentences == least ? requireRoom(request, sample) : room(request, sample);
      int perSentence = Math.max(1, (request.length() - room) / (sentences + answers));
      if (room < 0) {
        tooMany = sentences;
        sentences = Math.max(least, sentences - Math.max(1, -room / perSentence));
      } else if (room < perSentence || sentences + 1 >= tooMany) {
        return sample;
      } else {
        sentences = Math.min(tooMany - 1, sentences + room / perSentence);
      }
    }
  }

  /** Sentences of the shortest document. */
  private int least() {
    return answers + 2;
  }

  /** Tokens that are left. */
  private static int room(SampleRequest request, Sample sample) {
    return request.length() - sample.maxTokens() - request.tokens().applyAsInt(sample);
  }

  private int requireRoom(SampleRequest request, Sample sample) {
    int room = room(request, sample);
    if (room < 0) {
      throw new InputException(name() + " needs at least " + (request.length() - room)
          + " tokens, not " + request.length() + "; give a larger length");
    }
    return room;
  }

  private Sample sample(int index, int sentences, double depth, long seed) {
    RecallDocument document = switch (kind) {
      case NUMBER -> RecallDocument.number(sentences, depth, seed);
      case LIST -> RecallDocument.list(sentences, answers, seed);
      case PATH -> RecallDocument.pathOf(sentences, answers, seed);
    };
    Map<String, Object> labels = kind == Kind.NUMBER
        ? Map.of("depth", depth, "sentences", sentences)
        : Map.of("sentences", sentences);
    int end = kind == Kind.PATH ? 0 : END_TOKENS; // the model never ends a path
    return new Sample(Integer.toString(index), List.of(new ChatMessage("user", document.text())),
        "", " " + document.question(), document.answer(),
        answers * RecallDocument.SENTENCE_TOKENS + end, Sample.Drawing.GREEDY, labels);
  }

  @Override
  public Grade grade(Sample sample, Answer answer) {
    List<String> expected = sample.references();
    int inOrder = RecallDocument.rightSentences(expected, answer.text());
    boolean all = inOrder == expected.size() && (kind == Kind.PATH || answer.finished());
    boolean parsed = answer.text().contains(kind == Kind.PATH ? " leads to the " : " is ");
    Map<String, Double> measures = switch (kind) {
      case NUMBER -> Map.of();
      case LIST -> Map.of("right",
          (double) expected.stream().filter(answer.text()::contains).count());
      case PATH -> Map.of("hops", (double) inOrder);
    };
    return new Grade(all ? 1 : 0, parsed, measures);
  }
}
