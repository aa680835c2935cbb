package io.pariskv.eval.ruler;

import io.pariskv.eval.data.TaskData;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Objects;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The texts and words of the tasks: the user's files where they are there, else our own. Read once, when first
 * asked for. Thread-safe.
 */
final class RulerData {
  /** What samples made of our own texts and words say their data is. */
  static final String OWN = "own";

  /** What samples say that need no data. */
  static final String NONE = "none";

  private final TaskData files;
  private @Nullable Essay essay;
  private @Nullable Words words;
  private @Nullable QuestionSet squad;
  private @Nullable QuestionSet hotpot;

  RulerData(TaskData files) {
    this.files = files;
  }

  synchronized Essay essay() {
    Essay read = essay != null ? essay : Essay.of(files);
    essay = read;
    return read;
  }

  synchronized Words words() {
    Words read = words != null ? words : Words.of(files);
    words = read;
    return read;
  }

  synchronized QuestionSet questions(Questions.Source from) {
    return switch (from) {
      case SQUAD -> squad = squad != null
          ? squad
          : files.find("squad.json").map(QuestionSet::squad).orElseGet(OwnArticles::oneHop);
      case HOTPOT -> hotpot = hotpot != null
          ? hotpot
          : files.find("hotpotqa.json").map(QuestionSet::hotpot).orElseGet(OwnArticles::twoHops);
    };
  }

  /** One label for several sources. */
  static String names(String... sources) {
    TreeSet<String> named = new TreeSet<>(
        Stream.of(sources).filter(source -> !source.equals(NONE)).toList());
    return named.isEmpty() ? NONE : String.join(", ", named);
  }

  /** The words of one of our own lists. */
  static List<String> ownWords(String resource) {
    return List.of(ownText(resource).split("\\s+"));
  }

  /** One of our own texts. */
  static String ownText(String resource) {
    try (InputStream in = Objects.requireNonNull(
        RulerData.class.getResourceAsStream(resource), resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8).strip();
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the resource " + resource, e);
    }
  }
}
