package io.pariskv.eval.data;

import io.pariskv.error.InputException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Comma-separated values as RFC 4180 has them: the first record names the columns, fields may be quoted, and
 * quoted ones may have commas, line ends and doubled quotes.
 */
public final class Csv {
  private static final int MAX_COLUMNS = 1_000;

  private final Path file;
  private final String text;
  private int at;
  private int line = 1;

  private Csv(Path file) {
    this.file = file;
    this.text = DataFile.text(file);
  }

  /**
   * One record.
   *
   * @param file that it is from
   * @param line its first line in the file, from 1
   * @param names of the columns
   * @param fields as many as columns
   */
  public record Row(Path file, int line, List<String> names, List<String> fields) {

    /** A field that must be there and not blank. */
    public String text(String name) {
      String text = textOrNull(name);
      if (text == null || text.isBlank()) {
        throw new InputException(file + ", line " + line + ": \"" + name + "\" is "
            + (text == null ? "missing" : "empty")
            + ", expected text; correct it or download the file again");
      }
      return text;
    }

    /** A field, or null if there is no such column. */
    public @Nullable String textOrNull(String name) {
      int column = names.indexOf(name);
      return column < 0 ? null : fields.get(column);
    }
  }

  /**
   * The records of a file.
   *
   * @throws InputException if it cannot be read, has an open quote, or a record with another number of fields
   *     than there are columns; the message names the line
   */
  public static List<Row> read(Path file) {
    Csv csv = new Csv(file);
    List<String> names = csv.record();
    List<Row> rows = new ArrayList<>();
    while (csv.at < csv.text.length()) {
      int line = csv.line;
      List<String> fields = csv.record();
      boolean empty = fields.size() == 1 && fields.getFirst().isEmpty();
      if (!empty && fields.size() != names.size()) {
        throw csv.error(line, "has " + fields.size() + " fields, expected " + names.size());
      }
      if (!empty) {
        rows.add(new Row(file, line, names, fields));
      }
    }
    return rows;
  }

  private List<String> record() {
    List<String> fields = new ArrayList<>();
    do {
      fields.add(field());
      if (fields.size() > MAX_COLUMNS) {
        throw error(line, "has more than " + MAX_COLUMNS + " fields");
      }
    } while (accept(','));
    accept('\r');
    if (!accept('\n') && at < text.length()) {
      throw error(line, "has text after a closing quote, expected a comma or the end of the line");
    }
    return fields;
  }

  private String field() {
    if (accept('"')) {
      return quoted();
    }
    int start = at;
    while (at < text.length() && text.charAt(at) != ',' && text.charAt(at) != '\n'
        && !text.startsWith("\r\n", at)) {
      at++;
    }
    return text.substring(start, at);
  }

  private String quoted() {
    int first = line;
    StringBuilder field = new StringBuilder();
    while (true) {
      int close = text.indexOf('"', at);
      if (close < 0) {
        throw error(first, "opens a quote that is never closed");
      }
      line += (int) text.substring(at, close).chars().filter(c -> c == '\n').count();
      field.append(text, at, close);
      at = close + 1;
      if (!accept('"')) {
        return field.toString();
      }
      field.append('"');
    }
  }

  private boolean accept(char c) {
    boolean there = at < text.length() && text.charAt(at) == c;
    if (there) {
      at++;
      line += c == '\n' ? 1 : 0;
    }
    return there;
  }

  private InputException error(int line, String problem) {
    return new InputException(
        file + ", line " + line + ": " + problem + "; correct it or download the file again");
  }
}
