package io.pariskv.model.file;

import static io.pariskv.model.file.Refusals.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class GenerationConfigTest {
  private static final String FULL = """
      {"do_sample": true, "temperature": 0.6, "top_p": 0.95, "top_k": 20, "min_p": 0.0, "repetition_penalty": 1.05,
       "eos_token_id": [151645, 151643], "transformers_version": "4.51.0"}
      """;
  @TempDir
  Path directory;

  @Test
  void read_allFields_areTaken() {
    assertEquals(new GenerationConfig(true, 0.6, 0.95, 20, 0.0, 1.05, List.of(151645, 151643)),
        read(FULL));
  }

  @Test
  void read_absentOrNull_staysAbsent() {
    assertEquals(GenerationConfig.EMPTY, read("{}"));
    assertEquals(GenerationConfig.EMPTY,
        read("{\"temperature\": null, \"eos_token_id\": null, \"other\": [1]}"));
    assertEquals(List.of(2), read("{\"eos_token_id\": 2}").eosTokenIds());
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"do_sample|1", "temperature|-0.1", "temperature|1e999",
      "temperature|\"hot\"",
      "top_p|1.5", "top_p|-1", "top_k|-1", "top_k|2.5", "min_p|2", "repetition_penalty|0",
      "repetition_penalty|-1",
      "eos_token_id|-1", "eos_token_id|\"</s>\"", "eos_token_id|[1,[2]]", "eos_token_id|{}"})
  void read_badValue_namesTheField(String field, String value) {
    refused(() -> read("{\"" + field + "\": " + value + "}"),
        "generation_config.json: " + field + " is", "expected");
  }

  @Test
  void read_randomDamage_onlyInputExceptionEscapes() {
    byte[] good = FULL.getBytes(StandardCharsets.UTF_8);
    Mutations.run(good, 0, good.length, 500, 13, 64 << 20,
        bad -> GenerationConfig
            .read(TinyModel.writeBytes(directory, "generation_config.json", bad)));
  }

  private GenerationConfig read(String text) {
    return GenerationConfig.read(TinyModel.writeText(directory, "generation_config.json", text));
  }
}
