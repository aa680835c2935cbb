package io.pariskv.langchain4j;

import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import io.pariskv.engine.Engine;
import io.pariskv.engine.EngineOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.LoadOptions;
import io.pariskv.memory.Opened;
import io.pariskv.method.AttentionMethod;
import io.pariskv.method.ParisKv;
import io.pariskv.method.ParisKvConfig;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Settings of a chat model. The model is given in one of three ways: a {@link #modelDirectory}, which is loaded; a {@link
 * #languageModel} that the application has loaded; or an {@link #engine} that it has started, which a chat model, a streaming
 * one and others may share. What a request leaves open is as set here, and what is left open here as the model's authors propose.
 *
 * <p>{@code build} throws {@link io.pariskv.error.InputException} if the model cannot be used or does not fit in memory, {@code
 * UnsupportedFeatureException} for defaults that are not supported, and {@link IllegalStateException} if not exactly one
 * model is given, or a setting is of something that the application has opened itself.
 *
 * @param <B> the builder itself
 */
public abstract sealed class ParisKvModelBuilder<B extends ParisKvModelBuilder<B>>
    permits ParisKvChatModel.Builder, ParisKvStreamingChatModel.Builder {
  private @Nullable Path directory;
  private @Nullable LanguageModel languageModel;
  private @Nullable Engine engine;
  private @Nullable String modelName;
  private @Nullable LoadOptions loadOptions;
  private @Nullable Integer context;
  private @Nullable AttentionMethod method;
  private @Nullable EngineOptions engineOptions;
  private @Nullable Duration deadline;
  private List<ChatModelListener> listeners = List.of();
  private ChatRequestParameters base = ParisKvChatRequestParameters.builder().build();
  private final ParisKvChatRequestParameters.Builder own = ParisKvChatRequestParameters.builder();

  ParisKvModelBuilder() {
  }

  @SuppressWarnings("unchecked") // B is the class itself
  private B self() {
    return (B) this;
  }

  /** A directory as Hugging Face writes it, loaded by {@code build} and freed by {@code close}. */
  public B modelDirectory(Path path) {
    directory = path;
    return self();
  }

  /** A loaded model, which nobody else drives until the chat model is closed; the application closes it then. */
  public B languageModel(LanguageModel model) {
    languageModel = model;
    engine = null;
    return self();
  }

  /** A model and an engine that runs it; the application closes both. */
  public B engine(LanguageModel model, Engine running) {
    languageModel = model;
    engine = running;
    return self();
  }

  /** What the model is called in answers; the directory's name otherwise. */
  public B modelName(String name) {
    modelName = name;
    return self();
  }

  /** How to load the directory: backend, type of K and V, offload. */
  public B loadOptions(LoadOptions options) {
    loadOptions = options;
    return self();
  }

  /** Most tokens of a prompt and its answer together; as many as fit in memory and the model has positions for, otherwise. */
  public B context(int tokens) {
    context = tokens;
    return self();
  }

  /** What decode steps attend; ParisKV with the published settings otherwise. */
  public B method(AttentionMethod attention) {
    method = attention;
    return self();
  }

  /** ParisKV with a preset by its name, such as {@code sharp}. */
  public B preset(String name) {
    return method(new ParisKv(ParisKvConfig.preset(name)));
  }

  /** How many sequences at once, how long a queue, how much is kept for conversations that go on. */
  public B engineOptions(EngineOptions options) {
    engineOptions = options;
    return self();
  }

  /** After so long an answer is ended with what there is, as by {@link #maxOutputTokens}; never otherwise. */
  public B deadline(Duration atMost) {
    deadline = atMost;
    return self();
  }

  /** 0 for greedy. */
  public B temperature(@Nullable Double value) {
    own.temperature(value);
    return self();
  }

  /** Share of the probability kept, above 0 to 1. */
  public B topP(@Nullable Double value) {
    own.topP(value);
    return self();
  }

  /** Tokens kept; 0 keeps all. */
  public B topK(@Nullable Integer value) {
    own.topK(value);
    return self();
  }

  /** Least probability kept, as a share of the largest. */
  public B minP(@Nullable Double value) {
    own.minP(value);
    return self();
  }

  /** Divides the logits of tokens already seen; 1 changes nothing. */
  public B repetitionPenalty(@Nullable Double value) {
    own.repetitionPenalty(value);
    return self();
  }

  /** Of the random numbers; without one, no two answers are chosen alike. */
  public B seed(@Nullable Long value) {
    own.seed(value);
    return self();
  }

  /**
   * Most new tokens; all that there is room for otherwise. An engine promises this memory to a request before it begins: with a
   * number more requests run at once.
   */
  public B maxOutputTokens(@Nullable Integer value) {
    own.maxOutputTokens(value);
    return self();
  }

  /** Strings that end an answer; they are cut off. */
  public B stopSequences(List<String> values) {
    own.stopSequences(values);
    return self();
  }

  /** A variable of the chat template, such as {@code enable_thinking}. */
  public B templateVariable(String name, Object value) {
    own.templateVariable(name, value);
    return self();
  }

  /** What requests leave open, tools included; single settings of this builder go before. */
  public B defaultRequestParameters(ChatRequestParameters parameters) {
    base = parameters;
    return self();
  }

  /** Told of every request. */
  public B listeners(List<ChatModelListener> values) {
    listeners = List.copyOf(values);
    return self();
  }

  /** Opens what is not open. Nothing stays open if it fails. */
  OpenModel.Opened open() {
    requireConsistent();
    Opened opened = new Opened();
    try {
      LanguageModel loaded = languageModel != null
          ? languageModel
          : opened.keep(LanguageModel.load(directory(), loading()));
      Engine running = engine != null ? engine : opened.keep(start(loaded));
      String name = modelName == null ? loaded.name() : modelName;
      ParisKvChatRequestParameters defaults = ParisKvChatRequestParameters.builder()
          .modelName(name).overrideWith(base).overrideWith(own.build()).build();
      return new OpenModel.Opened(
          LocalModel.of(name, loaded, running, defaults, deadline, listeners),
          languageModel == null ? loaded : null, engine == null ? running : null);
    } catch (RuntimeException | Error e) {
      opened.closeAfter(e);
      throw e;
    }
  }

  private Path directory() {
    Path given = directory;
    if (given == null) {
      throw new IllegalStateException(
          "no model is given; call modelDirectory, languageModel or engine");
    }
    return given;
  }

  private LoadOptions loading() {
    LoadOptions options = loadOptions == null ? LoadOptions.defaults() : loadOptions;
    return context == null ? options : options.withContext(context);
  }

  private Engine start(LanguageModel loaded) {
    return Engine.start(loaded, method == null ? ParisKv.defaults() : method,
        engineOptions == null ? EngineOptions.defaults() : engineOptions);
  }

  private void requireConsistent() {
    if (directory != null && languageModel != null) {
      throw new IllegalStateException("a model directory and a loaded model are given; one is to "
          + "be left out");
    }
    if (languageModel != null && (loadOptions != null || context != null)) {
      throw new IllegalStateException("the model is loaded already: give loadOptions and context "
          + "where it is loaded");
    }
    if (engine != null && (method != null || engineOptions != null)) {
      throw new IllegalStateException("the engine is running already: give method, preset and "
          + "engineOptions where it is started");
    }
  }
}
