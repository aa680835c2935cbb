package io.pariskv.eval.probe;

import io.pariskv.backend.Backend;
import io.pariskv.kv.Batch;
import io.pariskv.kv.KvShape;
import io.pariskv.kv.KvStore;
import io.pariskv.kv.Selection;
import io.pariskv.kv.TokenZones;
import io.pariskv.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Exact attention of one decode step on the host, in double, from K and V as stored; and what a method made of it. Costs
 * {@code O(heads * tokens * headDim)}, heads side by side on all cores, and reads every row of the layer.
 */
final class ExactAttention {
  /** Tokens read at a time. */
  private static final int BLOCK = 1024;

  private final Backend backend;
  private final KvStore kv;
  private final KvShape shape;
  private final int k;

  /** @param k best keys of a zone that recall asks for, at least 1 */
  ExactAttention(Backend backend, KvStore kv, int k) {
    this.backend = backend;
    this.kv = kv;
    this.shape = kv.shape();
    this.k = k;
  }

  /** Whether a layer has no sliding window, so that a method decides what it attends. */
  boolean sees(int layer) {
    return shape.window(layer) == 0;
  }

  /**
   * A point for each KV head of a layer.
   *
   * @param zones with the new token
   * @param q {@code [1][heads][headDim] f32}
   * @param out {@code [1][heads][headDim] f32}, what the method made of it
   * @param selection what the method selected, for each KV head or each query head; null if nothing
   */
  List<RetrievalPoint> compare(int step, int layer, Batch batch, TokenZones zones, Buffer q,
      Buffer out, @Nullable Selection selection) {
    Head[] heads = attend(layer, slot(batch), zones.length(), floats(q));
    int[][] selected = selection == null
        ? new int[shape.kvHeads()][0]
        : backend.download(selection);
    float[] found = floats(out);
    double[] recalls = IntStream.range(0, heads.length).parallel()
        .mapToDouble(h -> recall(heads[h].scores, zones, of(selected, h))).toArray();
    List<RetrievalPoint> points = new ArrayList<>();
    int group = shape.groupSize();
    for (int kvHead = 0; kvHead < shape.kvHeads(); kvHead++) {
      double[] mean = new double[zones.length()];
      int best = Math.min(k, zones.retrievalTokens());
      BitSet union = new BitSet();
      double headRecall = 0;
      double mass = 0;
      double error = 0;
      for (int h = kvHead * group; h < (kvHead + 1) * group; h++) {
        int[] own = of(selected, h);
        Arrays.stream(own).forEach(union::set);
        for (int i = 0; i < mean.length; i++) {
          mean[i] += heads[h].scores[i] / group;
        }
        headRecall += recalls[h] / group;
        mass += heads[h].mass(zones, own) / group;
        error += heads[h].error(found, h * shape.headDim()) / group;
      }
      double recall = recall(mean, zones, union.stream().toArray());
      points.add(new RetrievalPoint(step, layer, kvHead, rounded(recall), rounded(headRecall),
          rounded(mass), rounded(error), best, union.cardinality()));
    }
    return points;
  }

  /** What a query head attends of the zone. */
  private int[] of(int[][] selected, int head) {
    return selected[selected.length == shape.heads() ? head : head / shape.groupSize()];
  }

  private static double rounded(double value) {
    return Math.round(value * 1e5) / 1e5;
  }

  private int slot(Batch batch) {
    int[] slots = new int[1];
    backend.download(batch.slots(), MemorySegment.ofArray(slots));
    return slots[0];
  }

  private float[] floats(Buffer buffer) {
    float[] values = new float[shape.heads() * shape.headDim()];
    backend.download(buffer, MemorySegment.ofArray(values));
    return values;
  }

  /**
   * Share of the best {@code k} keys of the zone, or of all if there are fewer, that are selected; of equal ones any will
   * do. Who selects fewer cannot have all of them, and who selects more has no more than all.
   */
  private double recall(double[] scores, TokenZones zones, int[] selected) {
    if (selected.length == 0) {
      return 0;
    }
    double[] sorted = Arrays.copyOfRange(scores, zones.sinkEnd(), zones.recentStart());
    Arrays.sort(sorted);
    int best = Math.min(k, sorted.length);
    double threshold = sorted[sorted.length - best];
    long right = Arrays.stream(selected)
        .filter(position -> scores[zones.sinkEnd() + position] >= threshold).count();
    return (double) Math.min(right, best) / best;
  }

  private Head[] attend(int layer, int slot, int length, float[] q) {
    Head[] heads = new Head[shape.heads()];
    Arrays.setAll(heads, h -> new Head(q, h * shape.headDim(), shape.headDim(), length));
    int width = shape.kvHeads() * shape.headDim();
    float[] k = new float[BLOCK * width];
    float[] v = new float[k.length];
    for (int start = 0; start < length; start += BLOCK) {
      int from = start;
      int count = Math.min(BLOCK, length - from);
      kv.read(layer, slot, from, count, k, v);
      IntStream.range(0, heads.length).parallel().forEach(h -> {
        for (int i = 0; i < count; i++) {
          heads[h].add(from + i, k, v, i * width + h / shape.groupSize() * shape.headDim());
        }
      });
    }
    return heads;
  }

  /** Softmax of one query head over the tokens, one after another. */
  private static final class Head {
    final double[] scores;
    private final double[] query;
    private final double[] sum;
    private double max = Double.NEGATIVE_INFINITY;
    private double weight;

    Head(float[] q, int from, int headDim, int length) {
      scores = new double[length];
      query = new double[headDim];
      sum = new double[headDim];
      Arrays.setAll(query, i -> q[from + i] / Math.sqrt(headDim));
    }

    void add(int position, float[] k, float[] v, int from) {
      double score = 0;
      for (int i = 0; i < query.length; i++) {
        score += query[i] * k[from + i];
      }
      scores[position] = score;
      if (score > max) {
        double scale = Math.exp(max - score);
        weight *= scale;
        for (int i = 0; i < sum.length; i++) {
          sum[i] *= scale;
        }
        max = score;
      }
      double share = Math.exp(score - max);
      weight += share;
      for (int i = 0; i < sum.length; i++) {
        sum[i] += share * v[from + i];
      }
    }

    private double share(int position) {
      return Math.exp(scores[position] - max) / weight;
    }

    /** Of the sink, the selected and the recent tokens. */
    double mass(TokenZones zones, int[] selected) {
      double mass = 0;
      for (int i = 0; i < zones.sinkEnd(); i++) {
        mass += share(i);
      }
      for (int position : selected) {
        mass += share(zones.sinkEnd() + position);
      }
      for (int i = zones.recentStart(); i < zones.length(); i++) {
        mass += share(i);
      }
      return mass;
    }

    double error(float[] found, int from) {
      double difference = 0;
      double size = 0;
      for (int i = 0; i < sum.length; i++) {
        double exact = sum[i] / weight;
        difference += (found[from + i] - exact) * (found[from + i] - exact);
        size += exact * exact;
      }
      return size == 0 ? Math.sqrt(difference) : Math.sqrt(difference / size);
    }
  }
}
