package io.pariskv.model.file;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@code generation_config.json} proposes for sampling. A field that the file leaves out is null, so
 * the caller chooses its own default.
 *
 * @param doSample          whether to sample rather than take the likeliest token
 * @param temperature       0 or more
 * @param topP              0 to 1; above 0 where {@code doSample} is true
 * @param topK              0 or more; 0 = all tokens
 * @param minP              0 to 1
 * @param repetitionPenalty more than 0; 1 = none
 * @param eosTokenIds       the tokens that end a generation; empty if left out
 */
public record GenerationConfig(@Nullable Boolean doSample, @Nullable Double temperature,
    @Nullable Double topP,
    @Nullable Integer topK, @Nullable Double minP, @Nullable Double repetitionPenalty,
    List<Integer> eosTokenIds) {
  /** Of a directory without the file. */
  public static final GenerationConfig EMPTY = new GenerationConfig(null, null, null, null, null,
      null, List.of());

  public GenerationConfig {
    eosTokenIds = List.copyOf(eosTokenIds);
  }

  /**
   * Reads the file.
   *
   * @throws io.pariskv.error.InputException if it cannot be read, or a field has a wrong type or range
   */
  public static GenerationConfig read(Path file) {
    JsonFields fields = new JsonFields(file, JsonFile.read(file, JsonFile.MAX_CONFIG_BYTES));
    Boolean sample = fields.flagOrNull("do_sample");
    // Models that never sample may carry a top_p of 0, which would leave no token to choose from.
    double leastTopP = Boolean.TRUE.equals(sample) ? Float.MIN_NORMAL : 0;
    return new GenerationConfig(sample,
        fields.numberOrNull("temperature", 0, 1e6),
        fields.numberOrNull("top_p", leastTopP, 1),
        fields.integerOrNull("top_k", 0, Integer.MAX_VALUE),
        fields.numberOrNull("min_p", 0, 1),
        fields.numberOrNull("repetition_penalty", Float.MIN_NORMAL, 1e6),
        fields.integers("eos_token_id", 0, Integer.MAX_VALUE, List.of()));
  }
}
