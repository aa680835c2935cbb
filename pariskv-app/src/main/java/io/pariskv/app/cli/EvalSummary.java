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
import java.util.stream.Collectors;
import picocli.CommandLine.ExitCode;

/** The end of an evaluation: a table, and the report. */
final class EvalSummary {
  private EvalSummary() {
  }

  /** Prints a line a cell and writes the report; returns the exit code, an error if nothing could be run. */
  static int print(List<Line> lines, Path directory, PrintWriter out) {
    out.printf(Locale.ROOT, "%-16s %9s %-20s %7s %17s %10s %12s %10s %10s%n", "task", "length",
        "method", "score", "95% interval", "ms/token", "bytes/token", "not parsed",
        "failed");
    Scores.byCell(lines).forEach((cell, samples) -> {
      Optional<Interval> score = Scores.score(samples);
      out.printf(Locale.ROOT, "%-16s %9s %-20s %7s %17s %10s %12s %10s %10s%s%n", cell.task(),
          cell.length() == 0 ? "" : cell.length(), cell.method(),
          score.map(each -> String.format(Locale.ROOT, "%.3f", each.mean())).orElse(""),
          score.map(each -> String.format(Locale.ROOT, "%.3f to %.3f", each.low(), each.high()))
              .orElse(""),
          Scores.cost(samples, SampleLine.Cost::millisPerToken)
              .map(each -> String.format(Locale.ROOT, "%.2f", each.mean())).orElse(""),
          Scores.cost(samples, SampleLine.Cost::bytesPerToken)
              .map(each -> MemoryPlan.humanBytes(Math.round(each.mean()))).orElse(""),
          Scores.unparsed(samples) + "/" + samples.size(),
          samples.stream().filter(SampleLine::failed).count() + "/" + samples.size(),
          score.isPresent() ? "" : measures(samples));
    });
    List<RefusedLine> refused = Scores.refused(lines);
    refused.forEach(each -> out.println(each.cell() + ": " + each.reason()));
    out.println("report: " + Report.write(directory));
    out.flush();
    return Scores.byCell(lines).isEmpty() ? ExitCode.SOFTWARE : ExitCode.OK;
  }

  /** What a task that has no score comes to, such as {@code nll 1.234, 1.200 to 1.268}. */
  private static String measures(List<SampleLine> samples) {
    return samples.stream().flatMap(sample -> sample.outcome().measures().keySet().stream())
        .distinct().sorted()
        .flatMap(name -> Scores.measure(samples, name).stream()
            .map(each -> String.format(Locale.ROOT, "  %s %.3f", name, each.mean())
                + ends(each)))
        .collect(Collectors.joining());
  }

  private static String ends(Interval mean) {
    if (mean.allEqual()) {
      return ", all equal";
    }
    return mean.hasEnds()
        ? String.format(Locale.ROOT, ", %.3f to %.3f", mean.low(), mean.high())
        : "";
  }
}
