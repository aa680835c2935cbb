package io.pariskv.eval.report;

import io.pariskv.eval.Task;
import io.pariskv.eval.recall.RecallTasks;
import io.pariskv.eval.run.PerplexityWorkload;
import io.pariskv.eval.run.SampleLine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What samples are made of, as their label {@code data} tells: {@code own}, {@code none}, or names of files, with
 * {@code own} among them where files were there for a part.
 */
final class Sources {
  private static final String SEPARATOR = ", ";

  /** Whose data it is. */
  enum Kind {
    OWN("Our own texts and words, not the official ones"), PARTLY(
        "Partly the user's files, partly our own"), FILES("The user's files"), NEEDED_NONE(
            "Made from the seed, of no files"), UNKNOWN("Not said by the samples");

    private final String title;

    Kind(String title) {
      this.title = title;
    }

    String title() {
      return title;
    }
  }

  /** One source, and what it is called. */
  record Source(Kind kind, String name) {
  }

  private final Map<String, String> settings;

  Sources(Map<String, String> settings) {
    this.settings = settings;
  }

  /** The directory or file of {@code --data}; null without. */
  @Nullable
  String given() {
    String data = settings.getOrDefault("data", "null");
    return data.equals("null") ? null : data;
  }

  /** Of one sample. */
  Source of(SampleLine line) {
    return line.prompt().labels().get("data") instanceof String label
        ? labelled(label)
        : unlabelled(line.cell().task());
  }

  /** All sources of some samples in one line. */
  String shown(List<SampleLine> samples) {
    return samples.stream().map(this::of).map(Source::name).distinct()
        .collect(Collectors.joining("; "));
  }

  private static Source labelled(String label) {
    List<String> names = new ArrayList<>(List.of(label.split(SEPARATOR)));
    boolean own = names.remove("own");
    if (names.isEmpty()) {
      return new Source(Kind.OWN, "our own");
    }
    if (names.equals(List.of("none"))) {
      return new Source(Kind.NEEDED_NONE, "made from the seed");
    }
    String files = String.join(SEPARATOR, names);
    return own
        ? new Source(Kind.PARTLY, files + ", the rest our own")
        : new Source(Kind.FILES, files);
  }

  /** Of tasks that have no choice of data. */
  private Source unlabelled(String task) {
    if (task.equals(PerplexityWorkload.NAME)) {
      String text = given();
      return new Source(Kind.FILES, text == null ? "a text" : text);
    }
    boolean recall = Stream.concat(RecallTasks.tasks().stream().map(Task::name),
        Stream.of("retrieval")).anyMatch(task::equals);
    return recall
        ? new Source(Kind.NEEDED_NONE, "made from the seed")
        : new Source(Kind.UNKNOWN, "not said");
  }
}
