package io.pariskv.eval.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.eval.probe.RetrievalPoint;
import io.pariskv.eval.run.Agreement;
import io.pariskv.eval.run.Cell;
import io.pariskv.eval.run.Line;
import io.pariskv.eval.run.RefusedLine;
import io.pariskv.eval.run.ResultFile;
import io.pariskv.eval.run.SampleLine;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.xml.sax.InputSource;

/** The report is well-formed, shows what it is given as text, and needs nothing from elsewhere. */
class ReportTest {
  private static final String HOSTILE = "<script>alert('x')</script> & \"q\" \u0000\ud800";

  private static SampleLine line(String task, int length, String method, int id,
      @Nullable Double score) {
    boolean failed = score != null && score < 0;
    List<RetrievalPoint> points = method.equals("full")
        ? List.of()
        : List.of(new RetrievalPoint(id * 40, 0, 1, 0.9, 0.7, 0.95, 0.02, 100, 100),
            new RetrievalPoint(id * 40, 1, 0, 0.5, 0.4, 0.8, 1.5, 100, 100));
    return new SampleLine(new Cell(task, length, method), "s" + id,
        new SampleLine.Prompt(1, length, 20, Map.of("depth", id / 4.0), List.of(HOSTILE)),
        new SampleLine.Outcome(failed ? Double.valueOf(0) : score, id != 1, true,
            Map.of("hops", id * 2.0), HOSTILE, List.of(1, 2), failed ? HOSTILE : null),
        failed ? null : new SampleLine.Cost(300, 4000, 1e6, 1e4, 5000, 1, 0.1, 0.2, 3),
        method.equals("full") ? null : new Agreement(1, 0.5, 2), failed ? List.of() : points,
        new SampleLine.Origin("m", "00", "vector", "v1"));
  }

  private static List<Line> lines() {
    List<Line> lines = new ArrayList<>();
    for (String method : List.of("full", "k<8>")) {
      for (int length : new int[]{4096, 16_384}) {
        for (int id = 0; id < 5; id++) {
          lines.add(line("recall-number", length, method, id, id == 2 ? -1.0 : id % 2));
          lines.add(line("partial", length, method, id, id / 4.0));
        }
        lines.add(line("measured", length, method, 3, null));
      }
    }
    lines.add(new RefusedLine(new Cell("recall-number", 1 << 20, HOSTILE), HOSTILE));
    return lines;
  }

  private static Document parsed(String page) throws Exception {
    assertTrue(page.startsWith("<!DOCTYPE html>\n"));
    return DocumentBuilderFactory.newInstance().newDocumentBuilder()
        .parse(new InputSource(new StringReader(page.substring(page.indexOf('\n')))));
  }

  @Test
  void severalKs_haveAFigureEach_andAMethodHasOneColour() {
    List<Line> lines = new ArrayList<>();
    for (String method : List.of("full", "pariskv k=8", "pariskv k=100", "quest k=100")) {
      lines.add(line("partial", 4096, method, 1, 0.5));
    }
    Results results = new Results(lines);
    assertEquals(List.of("full", "pariskv", "quest"), results.kinds());
    assertEquals(List.of(0, 1, 1, 2), results.methods().stream().map(results::colour).toList());
    assertEquals(
        Map.of("k=8", List.of("full", "pariskv k=8"), "k=100",
            List.of("full", "pariskv k=100", "quest k=100")),
        results.methodsByK());
    String page = Report.of(Map.of("model", "m"), lines);
    for (String caption : List.of("partial, k=8", "partial, k=100", "partial: hops, k=8")) {
      assertTrue(page.contains("<figcaption>" + caption + "</figcaption>"), caption);
    }
    assertFalse(page.contains("0000"), "one sample has no interval that an axis could follow");
    assertEquals(Map.of("", List.of("full", "sharp")),
        new Results(
            List.of(line("partial", 1, "full", 1, 1.0), line("partial", 1, "sharp", 1, 1.0)))
            .methodsByK());
  }

  @Test
  void page_isWellFormed_andEveryTextIsText() throws Exception {
    String page = Report.of(Map.of("model", HOSTILE, "seed", "1"), lines());
    Document document = parsed(page);
    assertFalse(page.contains("<script"), "markup of others stays text");
    assertEquals(0, document.getElementsByTagName("script").getLength());
    assertTrue(document.getElementsByTagName("svg").getLength() >= 10);
    assertTrue(document.getDocumentElement().getTextContent().contains("<script>alert('x')"));
    for (String part : List.of("src=", "href=", "http:", "https:", "url(", "@import", "NaN",
        "Infinity")) {
      assertFalse(page.contains(part), part);
    }
    assertTrue(page.contains("prefers-color-scheme: dark"));
  }

  @Test
  void sections_showScoresIntervalsAndFailures() throws Exception {
    String text = parsed(Report.of(Map.of("model", "m"), lines())).getDocumentElement()
        .getTextContent();
    for (String part : List.of("0.400 (0.118 to 0.769), n = 5", "Wilson", "bootstrap",
        "Needle depth by length", "bytes a token", "by layer and KV head", "2 (20%)",
        "Cells that could not be run", "hops", "v1")) {
      assertTrue(text.contains(part), part + " is not in " + text);
    }
  }

  /** Steps and heads of one sample are alike: what is counted is samples, of which 2 have 0.8 and 0.4 here. */
  @Test
  void retrieval_hasIntervalsOverSamples_notOverPoints() throws Exception {
    List<Line> lines = new ArrayList<>();
    for (int id = 0; id < 2; id++) {
      SampleLine any = line("retrieval", 4096, "m", id, 1.0);
      List<RetrievalPoint> points = Collections.nCopies(100,
          new RetrievalPoint(0, 3, 1, 0.8 - 0.4 * id, 0.5, 0.5, 0.5, 100, 100));
      lines.add(new SampleLine(any.cell(), any.id(), any.prompt(), any.outcome(), any.cost(), null,
          points, any.origin()));
    }
    String text = parsed(Report.of(Map.of(), lines)).getDocumentElement().getTextContent()
        .replaceAll("\\s+", " ");
    for (String row : List.of("m", "m, 03, 1")) { // 0.6 -+ 12.706 * 0.2
      assertTrue(text.contains(row + " 0.600 (-1.94 to 3.14) 0.500 (0.500 to 0.500)"), text);
    }
    String one = parsed(Report.of(Map.of(), lines.subList(0, 1))).getDocumentElement()
        .getTextContent().replaceAll("\\s+", " ");
    assertTrue(one.contains("m, 03, 1 0.800 0.500 0.500 0.500 1"), one);
  }

  /** A share, or in results of earlier versions whole percents: of these 1 is near the start, not the end. */
  @Test
  void aNeedleNearTheStart_isInTheFirstRow() throws Exception {
    for (Object depth : List.of(0.01, 1, 0)) {
      SampleLine any = line("niah", 4096, "full", 0, 0.5);
      SampleLine line = new SampleLine(any.cell(), any.id(),
          new SampleLine.Prompt(1, 4000, 20, Map.of("depth", depth), List.of()), any.outcome(),
          any.cost(), null, List.of(), any.origin());
      String text = parsed(Report.of(Map.of(), List.of(line))).getDocumentElement()
          .getTextContent().replaceAll("\\s+", " ");
      assertTrue(text.contains("0 to 20% 0.500 20 to 40%"), text);
    }
  }

  @Test
  void emptyOrMeasuredOnly_isStillAPage() throws Exception {
    parsed(Report.of(Map.of(), List.of()));
    parsed(Report.of(Map.of(), List.of(line("measured", 0, "full", 1, null))));
    parsed(Report.of(Map.of(),
        List.of(new RefusedLine(new Cell("t", 0, "m"), "too long"))));
  }

  @Test
  void directory_getsTheFile(@TempDir Path directory) throws IOException {
    try (ResultFile file = ResultFile.open(directory, Map.of("model", "m"), false)) {
      lines().forEach(file::append);
    }
    assertEquals(Report.of(Map.of("model", "m"), ResultFile.read(directory)),
        Files.readString(Report.write(directory)));
    assertThrows(InputException.class, () -> Report.write(directory.resolve("none")));
  }
}
