package io.pariskv.app.cli;

import static io.pariskv.app.Cli.fixture;
import static io.pariskv.app.Cli.read;
import static io.pariskv.app.Cli.run;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.app.Cli.Outcome;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** {@code pariskv logits}, against what Hugging Face transformers computed. */
class LogitsCommandTest {
  @TempDir
  private Path directory;

  private static String list(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::toString)
        .collect(Collectors.joining(","));
  }

  private Path ids(String text) throws IOException {
    return Files.writeString(directory.resolve("ids.txt"), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {"llama3-rope-scaled", "mistral-mha", "qwen2-bias", "qwen3-tied"})
  void json_hasOneRowAPosition_asTransformersComputedThem(String name) throws IOException {
    JsonNode expected = read(fixture(name).resolve("expected.json"));
    Outcome outcome = run("logits", "--model", fixture(name), "--ids-file",
        ids(list(expected.get("input_ids")) + "\n"), "--positions",
        list(expected.get("positions")), "--kv-dtype", "f32", "--json").succeeded();
    assertEquals(1, outcome.out().lines().count());
    JsonNode json = outcome.json();
    assertEquals(expected.get("positions"), json.get("positions"));
    JsonNode wanted = expected.get("logits");
    assertEquals(wanted.size(), json.get("logits").size());
    double tolerance = 1e-3 * spread(wanted);
    for (int row = 0; row < wanted.size(); row++) {
      assertEquals(wanted.get(row).size(), json.get("logits").get(row).size());
      for (int token = 0; token < wanted.get(row).size(); token++) {
        assertEquals(wanted.get(row).get(token).asDouble(),
            json.get("logits").get(row).get(token).asDouble(), tolerance,
            "row " + row + ", token " + token);
      }
    }
  }

  private static double spread(JsonNode rows) {
    double[] all = StreamSupport.stream(rows.spliterator(), false)
        .flatMapToDouble(row -> StreamSupport.stream(row.spliterator(), false)
            .mapToDouble(JsonNode::asDouble))
        .toArray();
    double sum = 0;
    double squares = 0;
    for (double value : all) {
      sum += value;
      squares += value * value;
    }
    double mean = sum / all.length;
    return Math.sqrt(squares / all.length - mean * mean);
  }

  @Test
  void positions_inAnyOrderAndTwice_areGivenAsAsked() throws IOException {
    JsonNode json = run("logits", "--model", fixture("qwen3-tied"), "--ids-file", ids("1,2,3"),
        "--positions", "2,0,2", "--json").succeeded().json();
    assertEquals("[2,0,2]", json.get("positions").toString());
    assertEquals(json.get("logits").get(0), json.get("logits").get(2));
  }

  @Test
  void withoutJson_theBestTokensAreShown() throws IOException {
    Outcome outcome = run("logits", "--model", fixture("qwen3-tied"), "--ids-file", ids("1,2,3"),
        "--positions", "0,2").succeeded();
    assertEquals(2, outcome.out().lines().count());
    assertTrue(outcome.out().startsWith("position 0:  "), outcome.out());
  }

  @Test
  void badIdsAndPositions_areRefused() throws IOException {
    Object model = fixture("qwen3-tied");
    run("logits", "--model", model, "--ids-file", ids("1,384"), "--positions", "0", "--json")
        .refused(1, "token id 384", "384 tokens");
    run("logits", "--model", model, "--ids-file", ids("1,-2"), "--positions", "0", "--json")
        .refused(1, "token id -2");
    run("logits", "--model", model, "--ids-file", ids("1,2"), "--positions", "2", "--json")
        .refused(1, "position 2", "2 tokens");
    run("logits", "--model", model, "--ids-file", ids("1,,2"), "--positions", "0")
        .refused(1, "ids.txt", "entry 2 of 3", "''");
    run("logits", "--model", model, "--ids-file", ids("1, two"), "--positions", "0")
        .refused(1, "ids.txt", "entry 2 of 2", "'two'");
    run("logits", "--model", model, "--ids-file", ids(""), "--positions", "0")
        .refused(1, "ids.txt", "empty");
    run("logits", "--model", model, "--ids-file", ids("1"), "--positions", "x")
        .refused(2, "--positions", "'x'");
    run("logits", "--model", model, "--ids-file", directory.resolve("none"), "--positions", "0")
        .refused(1, "none", "no such file");
    run("logits", "--model", model, "--ids-file", ids("1" + ",1".repeat(4096)), "--positions", "0")
        .refused(1, "4097", "4096", "max_position_embeddings");
  }
}
