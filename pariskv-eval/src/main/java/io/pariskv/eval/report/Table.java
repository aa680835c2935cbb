package io.pariskv.eval.report;

import java.util.List;

/** A table: the first column names the rows. */
final class Table {
  private final Element body = new Element("tbody");
  private final Element head = new Element("tr");

  Table(List<String> columns) {
    columns.forEach(column -> head.add(new Element("th", "scope", "col").text(column)));
  }

  /** Adds a row. */
  Table row(String name, List<String> cells) {
    Element row = new Element("tr").add(new Element("th", "scope", "row").text(name));
    cells.forEach(cell -> row.add(new Element("td").text(cell)));
    body.add(row);
    return this;
  }

  Element toElement() {
    return new Element("div", "class", "scroll")
        .add(new Element("table").add(new Element("thead").add(head)).add(body));
  }
}
