package io.pariskv.app.cli;

import io.pariskv.eval.report.Report;
import io.pariskv.eval.run.Line;
import io.pariskv.eval.run.RefusedLine;
import io.pariskv.eval.run.SampleLine;
import io.pariskv.eval.run.Scores;
import io.pariskv.eval.stats.Interval;
import io.pariskv.memory.MemoryPlan;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.DoubleFunction;
import java.util.stream.Collectors;
import picocli.CommandLine.ExitCode;

/** The end of an evaluation: a table, and the report. */
final class EvalSummary {
  private EvalSummary() {
  }

  /** Prints a line a cell and writes the report; returns the exit code, an error if nothing could be run. */
  static int print(List<Line> lines, Path directory, PrintWriter out) {
    TextTable table = new TextTable(3, "task", "length", "method", "score", "95% interval",
        "ms/token", "95% interval", "bytes/token", "95% interval", "not parsed", "failed");
    Scores.byCell(lines).forEach((cell, samples) -> {
      Optional<Interval> score = Scores.score(samples);
      Optional<Interval> millis = Scores.cost(samples, SampleLine.Cost::millisPerToken);
      Optional<Interval> bytes = Scores.cost(samples, SampleLine.Cost::bytesPerToken);
      table.row(cell.task(), cell.length() == 0 ? "" : String.valueOf(cell.length()),
          cell.method(), mean(score, EvalSummary::score), interval(score, EvalSummary::score),
          mean(millis, EvalSummary::millis),
          interval(millis, EvalSummary::millis), mean(bytes, EvalSummary::bytes),
          interval(bytes, EvalSummary::bytes),
          Scores.unparsed(samples) + "/" + samples.size(),
          samples.stream().filter(SampleLine::failed).count() + "/" + samples.size(),
          score.isPresent() ? "" : measures(samples));
    });
    table.print(out);
    List<RefusedLine> refused = Scores.refused(lines);
    refused.forEach(each -> out.println(each.cell() + ": " + each.reason()));
    out.println("report: " + Report.write(directory));
    out.flush();
    return Scores.byCell(lines).isEmpty() ? ExitCode.SOFTWARE : ExitCode.OK;
  }

  private static String mean(Optional<Interval> of, DoubleFunction<String> shown) {
    return of.map(each -> shown.apply(each.mean())).orElse("");
  }

  private static String score(double number) {
    return String.format(Locale.ROOT, "%.3f", number);
  }

  private static String millis(double number) {
    return String.format(Locale.ROOT, "%.2f", number);
  }

  private static String bytes(double number) {
    return MemoryPlan.humanBytes(Math.round(number));
  }

  /** Empty for one sample. */
  private static String interval(Optional<Interval> of, DoubleFunction<String> shown) {
    return of.map(each -> ends(each, shown)).orElse("");
  }

  private static String ends(Interval mean, DoubleFunction<String> shown) {
    if (mean.allEqual()) {
      return "all equal";
    }
    return mean.hasEnds() ? shown.apply(mean.low()) + " to " + shown.apply(mean.high()) : "";
  }

  /** What a task that has no score comes to, such as {@code nll 1.234, 1.200 to 1.268}. */
  private static String measures(List<SampleLine> samples) {
    return samples.stream().flatMap(sample -> sample.outcome().measures().keySet().stream())
        .distinct().sorted()
        .flatMap(name -> Scores.measure(samples, name).stream()
            .map(each -> measure(name, score(each.mean()), ends(each, EvalSummary::score))))
        .collect(Collectors.joining("  "));
  }

  private static String measure(String name, String mean, String ends) {
    return name + " " + mean + (ends.isEmpty() ? "" : ", " + ends);
  }
}
