package io.pariskv.eval.report;

import io.pariskv.error.InputException;
import io.pariskv.eval.run.IoReason;
import io.pariskv.eval.run.Line;
import io.pariskv.eval.run.ResultFile;
import io.pariskv.eval.run.SampleLine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** {@code report.html} of an evaluation's directory. */
public final class Report {
  private Report() {
  }

  /**
   * Makes the report of the samples that a directory has, whether its run has ended or not.
   *
   * @return the file
   * @throws InputException if the samples cannot be read or the file cannot be written
   */
  public static Path write(Path directory) {
    Path file = directory.resolve("report.html");
    String page = of(ResultFile.settings(directory), ResultFile.read(directory));
    try {
      return Files.writeString(file, page);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be written (" + IoReason.of(e)
          + "); the samples are kept, 'pariskv eval report " + directory + "' makes it again", e);
    }
  }

  /** The page. */
  static String of(Map<String, String> settings, List<Line> lines) {
    Results results = new Results(lines);
    List<Element> sections = new ArrayList<>(head(settings, results));
    if (!results.all().isEmpty()) {
      Sources sources = new Sources(settings);
      sections.addAll(new DataSection(results, sources).elements());
      sections.addAll(new RulerSection(results, sources).elements());
      sections.addAll(new ScoreSection(results, sources).elements());
      sections.addAll(new LabelSection(results).elements());
      sections.addAll(new PairSection(results).elements());
      sections.addAll(new DepthSection(results).elements());
      sections.addAll(new CostSection(results).elements());
      sections.addAll(new RetrievalSection(results).elements());
    }
    sections.addAll(new FailureSection(results).elements());
    return Page.of("Evaluation of " + settings.getOrDefault("model", "a model"), sections);
  }

  private static List<Element> head(Map<String, String> settings, Results results) {
    Element list = new Element("dl");
    settings.forEach((name, value) -> list.add(new Element("dt").text(name))
        .add(new Element("dd").text(value)));
    list.add(new Element("dt").text("version")).add(new Element("dd").text(results.all().stream()
        .map(SampleLine::origin).map(SampleLine.Origin::version).distinct()
        .collect(Collectors.joining(", "))));
    return List.of(
        new Element("h1").text("Attention methods on " + settings.getOrDefault("model", "a model")),
        Page.note(results.all().size() + " samples of " + results.tasks().size() + " tasks through "
            + String.join(", ", results.methods())),
        new Element("details").add(new Element("summary").text("settings")).add(list));
  }
}
