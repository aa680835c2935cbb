package io.pariskv.eval.data;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.TokenStreamLocation;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * JSON and JSON Lines files of data sets: size, depth, number of values and length of texts are limited, and
 * every failure is one line with the file and the place in it.
 */
public final class JsonData {
  /** LongBench-v2 has half a gigabyte, one text of it some ten megabytes. */
  private static final long MAX_BYTES = 4L << 30;
  private static final int MAX_TEXT = 64 << 20;
  private static final long MAX_VALUES = 20_000_000;
  private static final int MAX_DEPTH = 32;

  private static final JsonMapper MAPPER = new JsonMapper(JsonFactory.builder()
      .streamReadConstraints(StreamReadConstraints.builder().maxDocumentLength(MAX_BYTES)
          .maxStringLength(MAX_TEXT).maxTokenCount(MAX_VALUES).maxNestingDepth(MAX_DEPTH)
          .maxNumberLength(64).build())
      .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build());

  private JsonData() {
  }

  /** The file's one value. */
  public static JsonItem value(Path file) {
    String text = DataFile.text(file);
    try {
      return new JsonItem(file, "top level", MAPPER.readTree(text));
    } catch (JacksonException e) {
      throw malformed(file, "", e);
    }
  }

  /** The items of JSON Lines: one value a line, empty lines left out. */
  public static List<JsonItem> lines(Path file) {
    List<JsonItem> items = new ArrayList<>();
    String[] lines = DataFile.text(file).split("\n", -1);
    for (int i = 0; i < lines.length; i++) {
      if (lines[i].isBlank()) {
        continue;
      }
      String where = "line " + (i + 1);
      try {
        items.add(new JsonItem(file, where, MAPPER.readTree(lines[i])));
      } catch (JacksonException e) {
        throw malformed(file, where, e);
      }
    }
    return items;
  }

  /**
   * Passes on the items of the array that the file is, one at a time: as little memory as the largest takes.
   *
   * @return how many there are
   */
  public static int forEach(Path file, Consumer<JsonItem> action) {
    DataFile.check(file);
    int items = 0;
    try (InputStream in = Files.newInputStream(file); JsonParser parser = MAPPER.createParser(in)) {
      if (parser.nextToken() != JsonToken.START_ARRAY) {
        throw new InputException(
            file + " is not a JSON array ([...]), expected one; download it again");
      }
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        items++;
        int line = parser.currentTokenLocation().getLineNr();
        JsonNode node = parser.readValueAsTree();
        action.accept(new JsonItem(file, "item " + items + " (line " + line + ")", node));
      }
      return items;
    } catch (JacksonException e) {
      throw malformed(file, "item " + Math.max(1, items), e);
    } catch (IOException e) {
      throw DataFile.unreadable(file, e);
    }
  }

  private static InputException malformed(Path file, String where, JacksonException e) {
    TokenStreamLocation at = e.getLocation();
    String column = at == null || at.getLineNr() < 1
        ? ""
        : (where.startsWith("line") ? "" : ", line " + at.getLineNr()) + ", column "
            + at.getColumnNr();
    return new InputException(file + (where.isEmpty() ? "" : ", " + where) + column
        + ": is not acceptable JSON: " + DataFile.shown(String.valueOf(e.getOriginalMessage()))
        + "; download it again", e);
  }
}
