package io.pariskv.eval.report;

import java.util.Locale;
import java.util.Set;

/** An element of HTML or SVG; what it is given as text stays text, so any page of elements is well-formed. */
final class Element {
  /** Those without content in HTML; an end tag would be wrong. */
  private static final Set<String> VOID = Set.of("meta");

  private final String tag;
  private final StringBuilder start;
  private final StringBuilder content = new StringBuilder();

  /** @param attributes names and values in turn; numbers are written with up to two decimals */
  Element(String tag, Object... attributes) {
    this.tag = tag;
    this.start = new StringBuilder("<").append(tag);
    for (int i = 0; i + 1 < attributes.length; i += 2) {
      start.append(' ').append(attributes[i]).append("=\"").append(escape(shown(attributes[i + 1])))
          .append('"');
    }
  }

  private static String shown(Object value) {
    return value instanceof Double number
        ? String.format(Locale.ROOT, "%.2f", number)
        : value.toString();
  }

  Element text(String text) {
    content.append(escape(text));
    return this;
  }

  Element add(Element child) {
    content.append(child);
    return this;
  }

  Element add(Iterable<Element> children) {
    children.forEach(this::add);
    return this;
  }

  /** Text as a page shows it: markup means nothing, and what XML cannot hold is replaced. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints().forEach(c -> {
      switch (c) {
        case '&' -> escaped.append("&amp;");
        case '<' -> escaped.append("&lt;");
        case '>' -> escaped.append("&gt;");
        case '"' -> escaped.append("&quot;");
        default -> escaped.appendCodePoint(isXml(c) ? c : 0xFFFD);
      }
    });
    return escaped.toString();
  }

  private static boolean isXml(int c) {
    return c == '\t' || c == '\n' || c == '\r' || c >= 0x20 && c < 0xD800
        || c >= 0xE000 && c < 0xFFFE || c >= 0x10000;
  }

  @Override
  public String toString() {
    return VOID.contains(tag)
        ? start + "/>"
        : start + ">" + content + "</" + tag + ">\n";
  }
}
