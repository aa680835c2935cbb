package io.pariskv.app.quality;

import io.pariskv.kv.KvShape;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/** What every query attends, computed over all keys: the best keys of each KV head, and each head's weights. */
final class ExactAttention {
  private final List<Step> steps;

  /**
   * One query.
   *
   * @param best {@code [kvHeads][k]} zone positions, by the mean query of the group
   * @param weights {@code [heads][zone]} softmax over all tokens of the prompt
   */
  record Step(int[][] best, float[][] weights) {
  }

  private ExactAttention(List<Step> steps) {
    this.steps = steps;
  }

  /** Attends the prompt; the zone is from {@code sink} to {@code local} tokens before its end. */
  static ExactAttention of(KeysAndQueries set, int sink, int local, int k) {
    Map<Integer, float[][]> keys = new HashMap<>();
    return new ExactAttention(set.queries().stream().map(query -> step(query.q(),
        keys.computeIfAbsent(query.layer(), set::keys), set.shape(), sink, local, k)).toList());
  }

  private static Step step(float[] q, float[][] keys, KvShape shape, int sink, int local, int k) {
    int group = shape.heads() / shape.kvHeads();
    double[][] scores = IntStream.range(0, shape.heads()).parallel()
        .mapToObj(head -> scores(q, head, keys[head / group], shape.headDim()))
        .toArray(double[][]::new);
    int zone = scores[0].length - sink - local;
    int[][] best = new int[shape.kvHeads()][];
    for (int kvHead = 0; kvHead < best.length; kvHead++) {
      double[] sums = new double[zone];
      for (int head = kvHead * group; head < (kvHead + 1) * group; head++) {
        for (int key = 0; key < zone; key++) {
          sums[key] += scores[head][sink + key];
        }
      }
      best[kvHead] = IntStream.range(0, zone).boxed()
          .sorted((a, b) -> Double.compare(sums[b], sums[a])).limit(k).mapToInt(key -> key)
          .toArray();
    }
    float[][] weights = new float[shape.heads()][];
    for (int head = 0; head < weights.length; head++) {
      weights[head] = softmax(scores[head], sink, zone);
    }
    return new Step(best, weights);
  }

  private static double[] scores(float[] q, int head, float[] keys, int width) {
    double[] scores = new double[keys.length / width];
    for (int key = 0; key < scores.length; key++) {
      for (int j = 0; j < width; j++) {
        scores[key] += (double) q[head * width + j] * keys[key * width + j];
      }
      scores[key] /= Math.sqrt(width);
    }
    return scores;
  }

  private static float[] softmax(double[] scores, int from, int count) {
    double largest = IntStream.range(0, scores.length).mapToDouble(i -> scores[i]).max()
        .orElseThrow();
    double sum = IntStream.range(0, scores.length).mapToDouble(i -> Math.exp(scores[i] - largest))
        .sum();
    float[] weights = new float[count];
    for (int key = 0; key < count; key++) {
      weights[key] = (float) (Math.exp(scores[from + key] - largest) / sum);
    }
    return weights;
  }

  /** Share of the best keys of one query and KV head that is among {@code selected}. */
  double recall(int step, int kvHead, Set<Integer> selected) {
    int[] best = steps.get(step).best()[kvHead];
    return IntStream.of(best).filter(selected::contains).count() / (double) best.length;
  }

  /**
   * What a head attends of its weights in the zone, of what as many keys could have at most; 1 if it has no weight
   * there.
   */
  double captured(int step, int head, Set<Integer> selected) {
    float[] weights = steps.get(step).weights()[head];
    double have = selected.stream().mapToDouble(key -> weights[key]).sum();
    double most = IntStream.range(0, weights.length).mapToDouble(key -> -weights[key]).sorted()
        .limit(selected.size()).sum();
    return most == 0 ? 1 : have / -most;
  }

  /** What a head attends of all its weights, sink and local ones included. */
  double mass(int step, int head, Set<Integer> selected) {
    float[] weights = steps.get(step).weights()[head];
    double missed = IntStream.range(0, weights.length).filter(key -> !selected.contains(key))
        .mapToDouble(key -> weights[key]).sum();
    return 1 - missed;
  }
}
