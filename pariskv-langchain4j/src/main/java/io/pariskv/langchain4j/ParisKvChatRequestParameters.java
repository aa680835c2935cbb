package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.request.DefaultChatRequestParameters;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** LangChain4j's parameters of a request, and those that only this engine has. What is left out is null, or empty. */
public final class ParisKvChatRequestParameters extends DefaultChatRequestParameters {
  private final @Nullable Double minP;
  private final @Nullable Double repetitionPenalty;
  private final @Nullable Long seed;
  private final Map<String, Object> templateVariables;

  private ParisKvChatRequestParameters(Builder builder) {
    super(builder);
    this.minP = builder.minP;
    this.repetitionPenalty = builder.repetitionPenalty;
    this.seed = builder.seed;
    this.templateVariables = Map.copyOf(builder.templateVariables);
  }

  /** Nothing set. */
  public static Builder builder() {
    return new Builder();
  }

  /** Least probability kept, as a share of the largest. */
  public @Nullable Double minP() {
    return minP;
  }

  /** Divides the logits of tokens already seen. */
  public @Nullable Double repetitionPenalty() {
    return repetitionPenalty;
  }

  /** Of the random numbers; without one, no two answers are chosen alike. */
  public @Nullable Long seed() {
    return seed;
  }

  /** Variables of the chat template, such as {@code enable_thinking}. */
  public Map<String, Object> templateVariables() {
    return templateVariables;
  }

  @Override
  public ChatRequestParameters overrideWith(ChatRequestParameters that) {
    return builder().overrideWith(this).overrideWith(that).build();
  }

  @Override
  public ChatRequestParameters defaultedBy(ChatRequestParameters that) {
    return builder().overrideWith(that).overrideWith(this).build();
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return super.equals(other) && other instanceof ParisKvChatRequestParameters that
        && Objects.equals(minP, that.minP)
        && Objects.equals(repetitionPenalty, that.repetitionPenalty)
        && Objects.equals(seed, that.seed) && templateVariables.equals(that.templateVariables);
  }

  @Override
  public int hashCode() {
    return Objects.hash(super.hashCode(), minP, repetitionPenalty, seed, templateVariables);
  }

  @Override
  public String toString() {
    return "ParisKvChatRequestParameters{" + super.toString() + ", minP=" + minP
        + ", repetitionPenalty=" + repetitionPenalty + ", seed=" + seed + ", templateVariables="
        + templateVariables + '}';
  }

  /** Collects parameters. */
  public static final class Builder extends DefaultChatRequestParameters.Builder<Builder> {
    private @Nullable Double minP;
    private @Nullable Double repetitionPenalty;
    private @Nullable Long seed;
    private final Map<String, Object> templateVariables = new LinkedHashMap<>();

    private Builder() {
    }

    @Override
    public Builder overrideWith(ChatRequestParameters parameters) {
      super.overrideWith(parameters);
      if (parameters instanceof ParisKvChatRequestParameters own) {
        minP = own.minP == null ? minP : own.minP;
        repetitionPenalty = own.repetitionPenalty == null
            ? repetitionPenalty
            : own.repetitionPenalty;
        seed = own.seed == null ? seed : own.seed;
        templateVariables.putAll(own.templateVariables);
      }
      return this;
    }

    /** See {@link ParisKvChatRequestParameters#minP}. */
    public Builder minP(@Nullable Double value) {
      minP = value;
      return this;
    }

    /** See {@link ParisKvChatRequestParameters#repetitionPenalty}. */
    public Builder repetitionPenalty(@Nullable Double value) {
      repetitionPenalty = value;
      return this;
    }

    /** See {@link ParisKvChatRequestParameters#seed}. */
    public Builder seed(@Nullable Long value) {
      seed = value;
      return this;
    }

    /** Adds one; see {@link ParisKvChatRequestParameters#templateVariables}. */
    public Builder templateVariable(String name, Object value) {
      templateVariables.put(name, value);
      return this;
    }

    @Override
    public ParisKvChatRequestParameters build() {
      return new ParisKvChatRequestParameters(this);
    }
  }
}
