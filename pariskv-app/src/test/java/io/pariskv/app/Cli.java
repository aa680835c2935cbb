package io.pariskv.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Runs the command line in this process and keeps what it printed. */
public final class Cli {
  /** Root of the repository; surefire says where it is. */
  public static final Path ROOT = Path.of(System.getProperty("project.root", ".."));

  /** The bundled model. */
  public static final Path RECALL_MODEL = ROOT.resolve("models/recall-12m");

  private Cli() {
  }

  /** A random-weight model without a tokenizer, from the fixtures. */
  public static Path fixture(String name) {
    return ROOT.resolve("pariskv-core/src/test/resources/fixtures/hf").resolve(name);
  }

  /** A prompt for the bundled model, with the answer it gives. */
  public static JsonNode recall(String name) {
    return read(ROOT.resolve("pariskv-core/src/test/resources/fixtures/recall/" + name + ".json"));
  }

  /** A JSON file. */
  public static JsonNode read(Path file) {
    return JsonMapper.shared().readTree(file.toFile());
  }

  /** What a command left behind. */
  public record Outcome(List<String> args, int code, String out, String err) {

    /** This outcome, if the command succeeded without a word on standard error. */
    public Outcome succeeded() {
      assertEquals(0, code, this::toString);
      assertEquals("", err, this::toString);
      return this;
    }

    /** Holds the command to the rules of an error; returns the line. */
    public String refused(int expectedCode, String... parts) {
      assertEquals(expectedCode, code, this::toString);
      assertEquals("", out, this::toString);
      assertTrue(err.endsWith(System.lineSeparator()), this::toString);
      assertEquals(1, err.lines().count(), this::toString);
      assertTrue(err.startsWith("pariskv: "), this::toString);
      assertFalse(err.contains("internal error"), this::toString);
      assertFalse(err.contains("Exception"), this::toString);
      for (String part : parts) {
        assertTrue(err.contains(part), () -> "no '" + part + "' in " + this);
      }
      return err.strip();
    }

    /** The last line of standard output, which must be a JSON object. */
    public JsonNode json() {
      JsonNode node = JsonMapper.shared().readTree(out.lines().toList().getLast());
      assertTrue(node.isObject(), this::toString);
      return node;
    }
  }

  /** Runs a command; arguments are shown as text, so paths may be given. */
  public static Outcome run(Object... args) {
    return runWithInput("", args);
  }

  /** Runs a command with this standard input. */
  public static Outcome runWithInput(String input, Object... args) {
    return runWithInput(input.getBytes(StandardCharsets.UTF_8), args);
  }

  /** Runs a command with these bytes as standard input. */
  public static Outcome runWithInput(byte[] input, Object... args) {
    String[] arguments = Arrays.stream(args).map(Object::toString).toArray(String[]::new);
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    InputStream before = System.in;
    System.setIn(new ByteArrayInputStream(input));
    try {
      int code = Main.run(arguments, new PrintWriter(out, true), new PrintWriter(err, true));
      return new Outcome(List.of(arguments), code, out.toString(), err.toString());
    } finally {
      System.setIn(before);
    }
  }

  /** {@code first} and then {@code more}. */
  public static Object[] with(Object[] first, Object... more) {
    return Stream.concat(Arrays.stream(first), Arrays.stream(more)).toArray();
  }
}
