package io.pariskv.eval.report;

import java.util.List;

/** The page around the sections. */
final class Page {
  private static final String STYLE = """
      :root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #dfe3e8; --paper: #ffffff; --card: #f7f8fa;
        --c0: #2563eb; --c1: #d9480f; --c2: #0b8457; --c3: #a21caf; --c4: #b07d00; --c5: #0e7490; --c6: #be123c; --c7: #64748b; }
      @media (prefers-color-scheme: dark) {
        :root { --ink: #e6e9ee; --soft: #9aa5b4; --line: #313a46; --paper: #12161c; --card: #1a2028;
          --c0: #7aa7ff; --c1: #ff9a62; --c2: #4ecb97; --c3: #e08bf0; --c4: #e5c04b; --c5: #5cc8de; --c6: #ff8098; --c7: #a3b0c2; } }
      body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 0 auto; padding: 24px 20px 64px; max-width: 1180px; }
      h1 { font-size: 24px; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 8px; } h3 { font-size: 15px; margin: 20px 0 6px; }
      p { margin: 6px 0; max-width: 80ch; } .soft { color: var(--soft); }
      .figures { display: flex; flex-wrap: wrap; gap: 16px; } .figures + .figures { margin-top: 32px; }
      figure { margin: 0; padding: 12px; background: var(--card); border: 1px solid var(--line); border-radius: 8px; flex: 1 1 460px; max-width: 570px; box-sizing: border-box; }
      figcaption { font-weight: 600; margin-bottom: 6px; }
      svg { width: 100%; height: auto; display: block; } svg.heat { max-width: 100%; width: auto; }
      svg text { font: 12px system-ui, sans-serif; fill: var(--soft); } svg.heat text { fill: var(--ink); } svg text.mark { font-size: 10px; }
      .grid { stroke: var(--line); } .axis, .tick { stroke: var(--soft); }
      .line { fill: none; stroke-width: 2; } .bar { stroke-width: 1.5; opacity: 0.7; } .dot { stroke: var(--card); stroke-width: 1.5; }
      .cell { fill: var(--c0); } .none { fill: none; stroke: var(--line); }
      .legend span { display: inline-flex; align-items: center; margin-right: 16px; } .legend i { width: 12px; height: 12px; border-radius: 6px; margin-right: 6px; display: inline-block; }
      .scroll { overflow-x: auto; } table { border-collapse: collapse; margin: 8px 0; font-variant-numeric: tabular-nums; }
      th, td { text-align: right; padding: 4px 8px; border-bottom: 1px solid var(--line); white-space: nowrap; } th:first-child { text-align: left; padding-left: 0; }
      thead th { color: var(--soft); font-weight: 600; } tbody th { font-weight: 500; }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; } dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
      """;

  private Page() {
  }

  static String of(String title, List<Element> sections) {
    Element head = new Element("head").add(new Element("meta", "charset", "utf-8"))
        .add(new Element("meta", "name", "viewport", "content",
            "width=device-width, initial-scale=1"))
        .add(new Element("title").text(title)).add(new Element("style").text(style()));
    Element body = new Element("body").add(sections);
    return "<!DOCTYPE html>\n" + new Element("html", "lang", "en").add(head).add(body);
  }

  /** The style with a rule for every colour. */
  private static String style() {
    StringBuilder style = new StringBuilder(STYLE);
    for (int i = 0; i < Plot.COLOURS; i++) {
      style.append(
          ".line.c%1$d, .bar.c%1$d { stroke: var(--c%1$d); } .dot.c%1$d { fill: var(--c%1$d); } i.c%1$d { background: var(--c%1$d); }%n"
              .formatted(i));
    }
    return style.toString();
  }

  static Element heading(String text) {
    return new Element("h2").text(text);
  }

  static Element note(String text) {
    return new Element("p", "class", "soft").text(text);
  }

  static Element figure(String caption, Element drawing) {
    return new Element("figure").add(new Element("figcaption").text(caption)).add(drawing);
  }

  static Element figures(List<Element> figures) {
    return new Element("div", "class", "figures").add(figures);
  }
}
