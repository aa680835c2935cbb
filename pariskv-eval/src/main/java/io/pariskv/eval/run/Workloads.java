package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import io.pariskv.eval.Protocol;
import io.pariskv.eval.Task;
import io.pariskv.eval.catalogue.Tasks;
import io.pariskv.eval.data.TaskData;
import io.pariskv.eval.recall.RecallDocument;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** What the command line can run, by name: tasks, groups of tasks, and what is only measured. */
public final class Workloads {
  private static final int RETRIEVAL_EVERY = 16;

  private Workloads() {
  }

  /**
   * What some workloads need to know.
   *
   * @param data a file for {@code perplexity} and {@code retrieval}, a directory for other tasks; null for none
   * @param newTokens tokens that {@code retrieval} writes or {@code perplexity} judges, 512 if null; or that the answer in
   *     an exam may have, the exam's own number if null
   * @param every steps from one whose selections are looked at to the next; null for none, but in {@code
   *     retrieval}
   * @param protocol how questions reach the model in tasks that have them apart; null for each task's own way
   */
  public record Settings(@Nullable Path data, @Nullable Integer newTokens,
      @Nullable Integer every, @Nullable Protocol protocol) {
    /** Tokens that {@code retrieval} writes or {@code perplexity} judges unless a number is given. */
    public static final int NEW_TOKENS = 512;

    /** Checks the numbers; the message names the setting as the command line does. */
    public Settings {
      int least = RecallDocument.SENTENCE_TOKENS;
      if (newTokens != null && newTokens < least) {
        throw new InputException("new-tokens " + newTokens + " must be at least " + least);
      }
      if (every != null && every < 1) {
        throw new InputException("every " + every + " must be at least 1");
      }
    }

    private int measuredTokens() {
      return newTokens == null ? NEW_TOKENS : newTokens;
    }

    private TaskData taskData() {
      boolean directory = data != null && !Files.isRegularFile(data); // a text is for what is only measured
      return new TaskData(directory ? data : null, 0, newTokens == null ? 0 : newTokens);
    }
  }

  /** Every name there is. */
  public static List<String> names() {
    return Stream
        .concat(Tasks.names().stream(), Stream.of(RetrievalWorkload.NAME, PerplexityWorkload.NAME))
        .toList();
  }

  /**
   * The workloads of these names, in this order.
   *
   * @throws InputException if a name is not known, with the names there are, or a setting is missing
   */
  public static List<Workload> named(List<String> names, Settings settings) {
    List<Workload> workloads = names.stream().distinct()
        .flatMap(name -> named(name, settings).stream()).toList();
    Protocol asked = settings.protocol();
    if (asked != null && workloads.stream().allMatch(each -> each.protocol() == null)) {
      throw new InputException("question " + asked + " is for tasks whose questions are apart from"
          + " the text (recall-tasks, ruler, longbench-v2), not for " + String.join(", ", names)
          + "; leave it out");
    }
    return workloads;
  }

  private static List<Workload> named(String name, Settings settings) {
    Integer every = settings.every();
    return switch (name) {
      case RetrievalWorkload.NAME -> {
        Path data = settings.data();
        Path text = data == null || Files.isDirectory(data) ? null : data; // files of other tasks
        yield List.of(new ProbedWorkload(RetrievalWorkload.NAME,
            new RetrievalWorkload(text, settings.measuredTokens()),
            every == null ? RETRIEVAL_EVERY : every));
      }
      case PerplexityWorkload.NAME -> {
        Path data = settings.data();
        if (data == null) {
          throw new InputException("data is missing: perplexity needs a text; give --data FILE");
        }
        yield List.of(new PerplexityWorkload(data, settings.measuredTokens()));
      }
      default -> tasks(name, settings).stream().<Workload>map(each -> workload(each, settings))
          .map(each -> every == null ? each : new ProbedWorkload(each.name(), each, every))
          .toList();
    };
  }

  private static Workload workload(Task task, Settings settings) {
    TaskWorkload workload = new TaskWorkload(task);
    return settings.protocol() == null ? workload : workload.by(settings.protocol());
  }

  private static List<Task> tasks(String name, Settings settings) {
    if (!names().contains(name)) {
      throw new InputException(
          "task '" + name + "' is not known; choose one of " + String.join(", ", names()));
    }
    return Tasks.named(name, settings.taskData());
  }
}
