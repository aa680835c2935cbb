package io.pariskv.eval.ruler;

import io.pariskv.error.InputException;
import io.pariskv.eval.data.DataFile;
import io.pariskv.eval.data.JsonData;
import io.pariskv.eval.data.TaskData;
import java.nio.file.Path;

/**
 * Running text as a haystack.
 *
 * @param source what samples say their data is
 * @param words in their order
 */
record Essay(String source, String[] words) {

  static Essay of(TaskData files) {
    return files.find("PaulGrahamEssays.json", "PaulGrahamEssays.txt").map(Essay::read)
        .orElseGet(() -> new Essay(RulerData.OWN, OwnProse.text().split(" ")));
  }

  private static Essay read(Path file) {
    String name = String.valueOf(file.getFileName());
    String text = name.endsWith(".json") ? JsonData.value(file).text("text") : DataFile.text(file);
    String line = text.strip().replaceAll("\\s+", " ");
    if (line.isEmpty()) {
      throw new InputException(file + " has no words, expected the essays' text");
    }
    return new Essay(name, line.split(" "));
  }

  /** The first so many words, from the start again where the text ends. */
  String first(int count) {
    StringBuilder text = new StringBuilder(6 * count);
    for (int i = 0; i < count; i++) {
      text.append(i == 0 ? "" : " ").append(words[i % words.length]);
    }
    return text.toString();
  }
}
