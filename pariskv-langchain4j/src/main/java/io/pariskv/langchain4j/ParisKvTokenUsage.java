package io.pariskv.langchain4j;

import dev.langchain4j.model.output.TokenUsage;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The numbers of tokens of an answer, with those of the prompt that did not have to be computed. */
public final class ParisKvTokenUsage extends TokenUsage {
  private final int cachedInputTokens;

  /**
   * Numbers.
   *
   * @param inputTokens of the prompt
   * @param cachedInputTokens those of them whose K and V an earlier request had left
   * @param outputTokens chosen, the end-of-turn token included
   */
  public ParisKvTokenUsage(int inputTokens, int cachedInputTokens, int outputTokens) {
    super(inputTokens, outputTokens);
    this.cachedInputTokens = cachedInputTokens;
  }

  /** Tokens of the prompt whose K and V an earlier request had left. */
  public int cachedInputTokenCount() {
    return cachedInputTokens;
  }

  @Override
  public TokenUsage add(@Nullable TokenUsage that) {
    if (that == null) {
      return this;
    }
    int cached = that instanceof ParisKvTokenUsage other ? other.cachedInputTokens : 0;
    return new ParisKvTokenUsage(sum(inputTokenCount(), that.inputTokenCount()),
        cachedInputTokens + cached, sum(outputTokenCount(), that.outputTokenCount()));
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return super.equals(other)
        && other instanceof ParisKvTokenUsage that && cachedInputTokens == that.cachedInputTokens;
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), cachedInputTokens);
  }

  @Override
  public String toString() {
    return "ParisKvTokenUsage { inputTokenCount = " + inputTokenCount()
        + ", cachedInputTokenCount = " + cachedInputTokens + ", outputTokenCount = "
        + outputTokenCount() + ", totalTokenCount = " + totalTokenCount() + " }";
  }
}
