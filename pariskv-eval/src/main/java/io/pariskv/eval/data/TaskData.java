package io.pariskv.eval.data;

import io.pariskv.error.InputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the user says about the data of tasks.
 *
 * @param directory of the user's data files; null for none
 * @param draws answers to each problem of an exam that is sampled; 0 for the task's own number
 * @param maxTokens most tokens of an answer in an exam; 0 for the task's own number
 */
public record TaskData(@Nullable Path directory, int draws, int maxTokens) {

  /** Every name that a file of the user may have. */
  public static final List<String> FILES = List.of("PaulGrahamEssays.json", "PaulGrahamEssays.txt",
      "nounlist.txt", "adjectivelist.txt", "verblist.txt", "english_words.json", "squad.json",
      "hotpotqa.json", "data.json", "longbench-v2.json", "aime.jsonl", "aime25.jsonl",
      "aime24.jsonl", "gpqa_diamond.csv", "math500.jsonl", "test.jsonl");

  /** No files, and the tasks' own numbers. */
  public static final TaskData NONE = new TaskData(null, 0, 0);

  /** @throws InputException if the directory is not there or a number is negative */
  public TaskData {
    if (directory != null && !Files.isDirectory(directory)) {
      throw new InputException(directory + " is not a directory; give the one with the data files");
    }
    if (draws < 0 || maxTokens < 0) {
      throw new InputException("draws " + draws + " and answer tokens " + maxTokens
          + " must be at least 1, or 0 for the task's own");
    }
  }

  /** The tasks' own numbers, with files. */
  public static TaskData in(Path directory) {
    return new TaskData(directory, 0, 0);
  }

  /**
   * The file of one of these names, which must be among {@link #FILES}, if there is one.
   *
   * @throws InputException if there are several
   */
  public Optional<Path> find(String... names) {
    if (!FILES.containsAll(List.of(names))) {
      throw new IllegalArgumentException(
          List.of(names) + " are not all among the known files " + FILES);
    }
    Path in = directory;
    if (in == null) {
      return Optional.empty();
    }
    List<Path> there = List.of(names).stream().map(in::resolve).filter(Files::exists).toList();
    if (there.size() > 1) {
      throw new InputException(in + " has " + there.stream().map(Path::getFileName).toList()
          + ", which hold the same kind of data; keep one of them");
    }
    return there.stream().findFirst();
  }

  /**
   * The file of one of these names.
   *
   * @throws InputException if there is none, or several
   */
  public Path require(String task, String... names) {
    return find(names).orElseThrow(() -> new InputException(task + " needs "
        + String.join(" or ", names) + (directory == null ? "" : ", which is not in " + directory)
        + "; give --data the directory that has it (docs/evaluation-data.md says where it is from)"));
  }
}
