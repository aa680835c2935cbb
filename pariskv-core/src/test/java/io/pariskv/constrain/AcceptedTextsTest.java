package io.pariskv.constrain;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

/** Texts that are answers of a schema, and some that are not, byte by byte. */
class AcceptedTextsTest {
  private static final ByteTokens TOKENS = ByteTokens.allBytesAnd();

  private static boolean accepts(JsonNode schema, byte[] text) {
    Constraint.Progress progress = TOKENS.constraints().to(new Form.Json(schema)).start();
    for (byte b : text) {
      if (!TOKENS.allowed(progress)[b & 0xFF]) {
        return false;
      }
      progress.accept(b & 0xFF);
    }
    return TOKENS.allowed(progress)[TOKENS.end()];
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', quoteCharacter = '`', textBlock = """
      {}                                     | "\\u00e9\\uD83D\\uDE00"  | true
      {}                                     | "\\uD83D"                | false
      {}                                     | "\\uDE00"                | false
      {}                                     | "\\uD83D\\u0041"         | false
      {}                                     | "\\uD83Dx"               | false
      {}                                     | "\\/\\b\\f\\n\\r\\t"     | true
      {}                                     | "\\x"                    | false
      {'maxLength': 1}                       | "\\uD83D\\uDE00"         | true
      {'maxLength': 1}                       | "😀"                     | true
      {'maxLength': 1}                       | "\\n"                    | true
      {'maxLength': 1}                       | "😀x"                    | false
      {'minLength': 2}                       | "\\uD83D\\uDE00"         | false
      {'minLength': 2}                       | "ää"                     | true
      {'type': 'number'}                     | -0                       | true
      {'type': 'number'}                     | -0.5e-07                 | true
      {'type': 'number'}                     | 01                       | false
      {'type': 'number'}                     | 1.                       | false
      {'type': 'number'}                     | .5                       | false
      {'type': 'number'}                     | +1                       | false
      {'type': 'number'}                     | 1e                       | false
      {'type': 'number'}                     | 1E+99                    | true
      {'type': 'number'}                     | 1e100                    | false
      {'type': 'integer'}                    | 10                       | true
      {'type': 'integer'}                    | 1.0                      | false
      {'type': 'integer'}                    | 1e2                      | false
      {'type': 'integer'}                    | -0                       | false
      {'minimum': 0.5}                       | 0.50                     | true
      {'minimum': 0.5}                       | 0.4999                   | false
      {'const': 'é'}                         | "é"                      | true
      {'const': 'é'}                         | "\\u00e9"                | false
      {'const': '\\"\\\\'}                    | "\\"\\\\"                | true
      {'const': {'a': [1]}}                  | { "a" : [ 1 ] }          | true
      {'properties': {'a': {}}}              | {"\\u0061": 1}           | false
      {'properties': {'a': {}}}              | {"b": 1, "a": 1}         | false
      {'properties': {'a': {}}}              | {"a": 1, "a": 1}         | false
      {'properties': {'a': {}}}              | {"a": 1, "b": 1, "aa": 2} | true
      {'properties': {'a\\"': {'const': 1}}}   | {"a\\"": 1}              | true
      {'properties': {'a\\"': {'const': 1}}}   | {"a\\"": 2}              | false
      {'properties': {'ä': {'const': 1}}}    | {"ä": 2}                 | false
      {'properties': {'ä': {'const': 1}}}    | {"ö": 2}                 | true
      {'required': ['b', 'a']}               | {"b": 1, "a": 1, "c": 2} | true
      {'required': ['b', 'a']}               | {"a": 1, "b": 1}         | false
      {'type': 'object'}                     | {"\\u0061": 1}           | true
      {'type': 'array'}                      | [1,]                     | false
      {'type': 'array'}                      | [ ]                      | true
      true                                   | nul                      | false
      true                                   | true                     | true
      """)
  void texts(String quoted, String text, boolean answer) {
    assertEquals(answer,
        accepts(Schemas.of(quoted), text.getBytes(StandardCharsets.UTF_8)));
  }

  @ParameterizedTest
  @CsvSource({"C3A9, true", "C0AF, false", "C1BF, false", "E080AF, false", "E0A080, true",
      "EDA080, false", "ED9FBF, true", "F0808080, false", "F0908080, true", "F48FBFBF, true",
      "F4908080, false", "F5808080, false", "80, false", "C3, false", "FF, false", "00, false",
      "1F, false", "7F, true"})
  void stringsAreValidUtf8WithoutControlCharacters(String hex, boolean answer) {
    byte[] text = HexFormat.of().parseHex("22" + hex + "22");
    for (String schema : new String[]{"{}", "{'maxLength': 3}"}) {
      assertEquals(answer, accepts(Schemas.of(schema), text), schema);
    }
    byte[] name = HexFormat.of().parseHex("7B22" + hex + "223A317D");
    assertEquals(answer, accepts(Schemas.of("{'properties': {'a': {}}}"), name));
  }

  @ParameterizedTest
  @CsvSource({"1, 32, true", "1, 33, false", "2, 0, false", "0, 32, true", "0, 33, false"})
  void whiteSpaceIsALineFeedAndBlanks(int feeds, int blanks, boolean answer) {
    String text = "[" + "\n".repeat(feeds) + " ".repeat(blanks) + "1]";
    assertEquals(answer, accepts(Schemas.of("{}"), text.getBytes(StandardCharsets.UTF_8)));
  }
}
