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
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.w3c.dom.Document;
import org.w3c.dom.NodeList;
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
  void howQuestionsReachedTheModel_isToldByTask() {
    List<Line> lines = new ArrayList<>(lines());
    String fed = "fed through decode steps";
    String prefilled = "prefilled with the text";
    String silent = Report.of(Map.of(), lines);
    assertFalse(silent.contains(fed) || silent.contains(prefilled));
    for (String how : List.of("fed", "prefilled")) {
      SampleLine line = line(how, 4096, "full", 0, 1.0);
      lines.add(new SampleLine(line.cell(), line.id(),
          new SampleLine.Prompt(1, 4096, 20, Map.of("question", how), List.of()), line.outcome(),
          line.cost(), line.agreement(), line.retrieval(), line.origin()));
    }
    String page = Report.of(Map.of(), lines);
    assertTrue(page.contains(fed) && page.contains(prefilled));
    assertTrue(page.indexOf("<h3>fed</h3>") < page.indexOf(fed), "under its task");
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
      assertFalse(page.contains(part), () -> part + " in "
          + page.substring(Math.max(0, page.indexOf(part) - 200), page.indexOf(part)));
    }
    assertTrue(page.contains("prefers-color-scheme: dark"));
  }

  @Test
  void sections_showScoresIntervalsAndFailures() throws Exception {
    String text = parsed(Report.of(Map.of("model", "m"), lines())).getDocumentElement()
        .getTextContent();
    for (String part : List.of("0.400 (0.118 to 0.769), n = 5", "Wilson", "bootstrap",
        "Needle depth by length", "bytes a token", "by layer and KV head", "1 (20%, 4 to 62%)",
        "0.400 (0.118 to 0.769), n = 5; not parsed 1 (20%, 4 to 62%)",
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
    for (String row : List.of("m", "m, 03, 1")) { // 0.6 -+ 12.706 * 0.2, which no share can have
      assertTrue(text.contains(row + " 0.600 (0.000 to 1.00) 0.500 (all equal)"), text);
    }
    String one = parsed(Report.of(Map.of(), lines.subList(0, 1))).getDocumentElement()
        .getTextContent().replaceAll("\\s+", " ");
    assertTrue(one.contains("m, 03, 1 0.800 0.500 0.500 0.500 1"), one);
  }

  /** One sample has errors of 2.77 and 1, the other of 1.5: nothing of that may be cut at 1. */
  @Test
  void retrievalPlots_haveBars_andAnAxisThatReachesTheErrors() throws Exception {
    List<Line> lines = new ArrayList<>();
    for (int id = 0; id < 3; id++) {
      SampleLine any = line("retrieval", 4096, "m", id, 1.0);
      List<RetrievalPoint> points = List.of(
          new RetrievalPoint(0, 0, 0, 0.5 + 0.1 * id, 1, 1, 2.67 + 0.1 * id, 100, 100),
          new RetrievalPoint(40, 0, 0, 0.5, 1, 1, 1, 100, 100));
      lines.add(new SampleLine(any.cell(), any.id(), any.prompt(), any.outcome(), any.cost(), null,
          points, any.origin()));
    }
    Document page = parsed(Report.of(Map.of(), lines));
    assertEquals(1, bars(figures(page, "recall, mean query").getFirst()), "of step 40 all equal");
    org.w3c.dom.Element error = figures(page, "output error").getFirst();
    assertTrue(texts(error, "text").contains("4"), texts(error, "text").toString());
    assertEquals(List.of("m: 2.77 (2.52 to 3.02), n = 3", "m: 1.00 (all equal), n = 3"),
        texts(error, "title"));
    org.w3c.dom.Element dot = (org.w3c.dom.Element) error.getElementsByTagName("circle").item(0);
    assertEquals(12 + 204 * (1 - 2.77 / 4), Double.parseDouble(dot.getAttribute("cy")), 0.01);
  }

  private static List<String> texts(org.w3c.dom.Element in, String tag) {
    return elements(in, tag).stream().map(org.w3c.dom.Element::getTextContent).toList();
  }

  private static long bars(org.w3c.dom.Element figure) {
    return elements(figure, "line").stream()
        .filter(line -> line.getAttribute("class").startsWith("bar")).count();
  }

  private static List<org.w3c.dom.Element> figures(Document page, String caption) {
    return elements(page.getDocumentElement(), "figure").stream()
        .filter(each -> each.getFirstChild().getTextContent().equals(caption)).toList();
  }

  private static List<org.w3c.dom.Element> elements(org.w3c.dom.Element in, String tag) {
    NodeList found = in.getElementsByTagName(tag);
    return IntStream.range(0, found.getLength())
        .mapToObj(i -> (org.w3c.dom.Element) found.item(i)).toList();
  }

  /** The first sample reads twice the bytes of the second, in the same time. */
  @Test
  void costsAndAgreement_haveIntervals_andBytesABarAcross() throws Exception {
    List<Line> lines = new ArrayList<>();
    for (int id = 0; id < 2; id++) {
      SampleLine any = line("t", 4096, "m", id, (double) id);
      lines.add(new SampleLine(any.cell(), any.id(), any.prompt(), any.outcome(),
          new SampleLine.Cost(300, 4000, (1 + id) * 1024, 0, 0, 1, 0.1 + id, 0.2, 4),
          new Agreement(id, 1 - 0.1 * id, 2), List.of(), any.origin()));
    }
    Document page = parsed(Report.of(Map.of(), lines));
    String text = page.getDocumentElement().getTextContent().replaceAll("\\s+", " ");
    assertTrue(text.contains("m, 4K 4.00 (all equal) 250 (all equal) 300 (all equal) "
        + "1.50 KiB (0 B to 7.85 KiB) 0 B (all equal) 1.00 (all equal) "
        + "0.600 (0.000 to 6.95) 0.200 (all equal) 0.950 (0.315 to 1.00) 0.500 (0.000 to 6.85) 2"),
        text);
    assertEquals(1, bars(figures(page, "t").getFirst()), "score by length");
    assertEquals(2, bars(figures(page, "t").getLast()), "score, and bytes");
    assertEquals(1, texts(figures(page, "t").getLast(), "text").stream().filter("m"::equals)
        .count(), "the point's name");
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
      assertTrue(text.contains("0 to 20% 0.500 (0.055 to 0.945), n = 1 0.500 n = 1 20 to 40%"),
          text);
      assertTrue(text.contains("full, 0 to 20% 0.500 (0.055 to 0.945), n = 1 full, 20 to 40%"),
          text);
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
