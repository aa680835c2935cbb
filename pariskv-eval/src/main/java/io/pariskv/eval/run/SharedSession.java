package io.pariskv.eval.run;

import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import io.pariskv.kv.KvPlacement;
import io.pariskv.method.AttentionMethod;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The session that all methods share: a sample is prefilled once and cut back to its prompt for each of them. */
final class SharedSession implements AutoCloseable {
  /** Long enough for methods to retrieve, short enough not to matter. */
  private static final int WARM_UP_TOKENS = 2_500;
  private static final int WARM_UP_ANSWER = 24;

  private final LanguageModel model;
  private final List<MethodChoice> methods;
  private @Nullable Session session;
  private @Nullable Trial held;
  /** Tokens of its prompt. */
  private int prefilled;
  private double prefillSeconds;
  private boolean warm;

  SharedSession(LanguageModel model, List<MethodChoice> methods) {
    this.model = model;
    this.methods = methods;
  }

  Trial.Result run(Trial trial, MethodChoice method) {
    Session ready = prefilled(trial);
    long start = System.nanoTime();
    ready.truncate(prefilled);
    ready.use(trial.around(method.counted()));
    double indexSeconds = secondsSince(start);
    Trial.Result result = trial.run(ready);
    Map<String, Double> selected = SelectedCount.measures(ready, method.method(), model.kvShape());
    return new Trial.Result(result.outcome().with(selected),
        result.cost().after(prefillSeconds, indexSeconds),
        result.retrieval());
  }

  /** So that times show compiled code and not the compiler. */
  private void warmUp(int[] tokens) {
    if (warm) {
      return;
    }
    warm = true;
    int[] prompt = Arrays.copyOf(tokens, Math.min(tokens.length, WARM_UP_TOKENS));
    Set<String> kinds = new HashSet<>(); // another k runs the same code
    for (MethodChoice method : methods) {
      if (!kinds.add(MethodChoice.kind(method.label()))) {
        continue;
      }
      try (Session once = model.newSession(method.counted())) {
        once.generate(prompt, GenerationOptions.greedy(WARM_UP_ANSWER).withIgnoreEos(true),
            GenerationListener.NONE);
      }
    }
  }

  private Session prefilled(Trial trial) {
    Session ready = session;
    if (ready != null && trial.equals(held)) {
      return ready;
    }
    int[] tokens = trial.shared();
    warmUp(tokens);
    if (ready == null) {
      ready = open();
      session = ready;
    }
    held = null;
    ready.truncate(0); // another sample may share its beginning, but with a question that was decoded
    long start = System.nanoTime();
    if (tokens.length > 0) {
      ready.prefill(tokens, GenerationListener.NONE);
    }
    prefillSeconds = secondsSince(start);
    prefilled = tokens.length;
    held = trial;
    return ready;
  }

  /** K and V live where every method has room, with a cache of rows, if any, that is enough for every method. */
  private Session open() {
    List<AttentionMethod> all = methods.stream().map(MethodChoice::counted).toList();
    List<AttentionMethod> offloaded = all.stream()
        .filter(each -> model.plan().placement(each) == KvPlacement.HOST).toList();
    AttentionMethod first = (offloaded.isEmpty() ? all : offloaded).stream()
        .max(Comparator.comparingInt(AttentionMethod::selectedKeys)).orElseThrow();
    return model.newSession(first);
  }

  private static double secondsSince(long start) {
    return (System.nanoTime() - start) / 1e9;
  }

  /** After a failure nothing of the session is trusted. */
  void forget() {
    held = null;
    close();
  }

  @Override
  public void close() {
    Session closing = session;
    session = null;
    if (closing != null) {
      closing.close();
    }
  }
}
