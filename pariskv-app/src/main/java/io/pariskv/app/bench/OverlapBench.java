package io.pariskv.app.bench;

import io.pariskv.error.InputException;
import io.pariskv.generate.GenerationListener;
import io.pariskv.generate.GenerationOptions;
import io.pariskv.generate.GenerationResult;
import io.pariskv.generate.LanguageModel;
import io.pariskv.generate.Session;
import io.pariskv.kv.ClockCache;
import io.pariskv.kv.RowFetches;
import io.pariskv.memory.MemoryPlace;
import io.pariskv.method.AttentionMethod;
import io.pariskv.text.ChatMessage;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * How much the decode steps of an answer select in common, and what caches of rows of several sizes would hit. The
 * policy is simulated, so a machine without a GPU can say it. All selected keys count, also those that a GPU has
 * anyway since they are among the first or the last tokens; the first step does not, since it finds nothing.
 */
public final class OverlapBench {
  private final int[] sizes;
  private final Map<Place, Head> heads = new HashMap<>();

  /**
   * What an answer's steps had in common, in the mean over steps, layers and KV heads.
   *
   * @param overlap share of a step's selected keys that the step before had selected
   * @param lowest overlap of a KV head
   * @param highest overlap of a KV head
   * @param hitRates of the caches, in the order of their sizes
   */
  public record Result(GenerationResult answer, double overlap, double lowest, double highest,
      List<Double> hitRates) {
  }

  private record Place(int layer, int kvHead) {
  }

  /** What one KV head has selected. */
  private static final class Head {
    final SelectionOverlap overlap = new SelectionOverlap();
    final List<ClockCache> caches;
    final RowFetches[] fetches;
    boolean warm;

    Head(int[] sizes) {
      caches = IntStream.of(sizes).mapToObj(ClockCache::new).toList();
      fetches = new RowFetches[sizes.length];
      Arrays.fill(fetches, RowFetches.NONE);
    }

    void select(int[] positions) {
      overlap.next(new int[][]{positions});
      for (int i = 0; i < fetches.length; i++) {
        int misses = caches.get(i).select(positions).misses();
        if (warm) {
          fetches[i] = fetches[i].plus(new RowFetches(positions.length - misses, misses));
        }
      }
      warm = true;
    }
  }

  private OverlapBench(List<Integer> sizes) {
    this.sizes = sizes.stream().mapToInt(Integer::intValue).toArray();
  }

  /**
   * Answers a question and looks on.
   *
   * @param sizes rows of the caches, each at least as many as a step selects
   * @param steps tokens of the answer
   * @throws InputException if the backend is a GPU, whose recorded steps nobody can look into, or if the prompt is
   *     too short for anything to be selected
   */
  public static Result run(LanguageModel model, AttentionMethod method, String prompt,
      List<Integer> sizes, int steps) {
    if (model.backend().plan().work() == MemoryPlace.GPU) {
      throw new InputException("what a step selects cannot be looked at on backend "
          + model.backend().name() + "; use --backend vector");
    }
    OverlapBench bench = new OverlapBench(sizes);
    try (Session session = model.newSession(new ObservedMethod(method, bench::selected))) {
      return bench.result(session.generate(List.of(new ChatMessage("user", prompt)),
          GenerationOptions.greedy(steps), GenerationListener.NONE));
    }
  }

  private void selected(int layer, int row, int kvHead, int[] positions) {
    heads.computeIfAbsent(new Place(layer, kvHead), _ -> new Head(sizes)).select(positions);
  }

  private Result result(GenerationResult answer) {
    if (heads.isEmpty()) {
      throw new InputException("the prompt's " + answer.promptTokens()
          + " tokens are attended whole; give a longer one");
    }
    Collection<Head> all = heads.values();
    double[] overlaps = all.stream().mapToDouble(head -> head.overlap.mean()).sorted().toArray();
    List<Double> hitRates = IntStream.range(0, sizes.length)
        .mapToObj(i -> all.stream().map(head -> head.fetches[i])
            .reduce(RowFetches.NONE, RowFetches::plus).hitRate())
        .toList();
    return new Result(answer, Arrays.stream(overlaps).average().orElseThrow(), overlaps[0],
        overlaps[overlaps.length - 1], hitRates);
  }
}
