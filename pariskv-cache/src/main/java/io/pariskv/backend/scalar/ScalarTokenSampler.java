package io.pariskv.backend.scalar;

import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.layer.TokenSampler;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/** {@link TokenSampler} in plain Java: sorts the whole vocabulary, probabilities in double. */
final class ScalarTokenSampler implements TokenSampler {
  @Override
  public void sample(Buffer logits, Batch batch, SamplerRows how, Buffer tokens) {
    TokenSampler.require(logits, batch, how, tokens);
    int rows = batch.rows();
    int vocabulary = logits.shape().extent(1);
    for (int r = 0; r < rows; r++) {
      long row = (long) r * vocabulary;
      float[] scores = Elements.floats(logits.segment(), DType.F32, row, vocabulary);
      float temperature = number(how, r, 0);
      float topP = number(how, r, 1);
      float minP = number(how, r, 2);
      penalize(scores, how.seen(), row, number(how, r, 3));
      forbid(scores, how.forbidden(), r);
      int[] order = Order.descending(scores);
      int token = order[0];
      if (temperature > 0) {
        int topK = integer(how, r, 0);
        double[] weights = weights(scores, order, temperature, topK);
        int kept = kept(weights, topP, minP);
        token = order[draw(weights, kept, uniform(batch, how, r))];
      }
      Elements.setInt(tokens, r, token);
      Elements.setByte(how.seen().segment(), row + token, 1);
    }
  }

  private static float number(SamplerRows how, int r, int field) {
    return Elements.getFloat(how.floats(), (long) r * SamplerRows.FLOAT_FIELDS + field);
  }

  private static int integer(SamplerRows how, int r, int field) {
    return Elements.getInt(how.ints(), (long) r * SamplerRows.INT_FIELDS + field);
  }

  private static void forbid(float[] scores, Buffer forbidden, int r) {
    long row = (long) r * SamplerRows.words(scores.length);
    for (int i = 0; i < scores.length; i++) {
      if ((Elements.getInt(forbidden, row + i / 32) >> i % 32 & 1) != 0) {
        scores[i] = Float.NEGATIVE_INFINITY;
      }
    }
  }

  private static void penalize(float[] scores, Buffer seen, long row, float penalty) {
    for (int i = 0; i < scores.length; i++) {
      if (Elements.getByte(seen.segment(), row + i) != 0) {
        scores[i] = scores[i] > 0 ? scores[i] / penalty : scores[i] * penalty;
      }
    }
  }

  /** Unnormalised probabilities of the {@code topK} best tokens, best first. */
  private static double[] weights(float[] scores, int[] order, float temperature, int topK) {
    double[] weights = new double[topK > 0 ? Math.min(topK, order.length) : order.length];
    double max = scores[order[0]];
    for (int i = 0; i < weights.length; i++) {
      double weight = Math.exp((scores[order[i]] - max) / temperature);
      weights[i] = i == 0 ? 1 : Double.isNaN(weight) ? 0 : weight;
    }
    return weights;
  }

  /** How many of the best tokens top-p and min-p leave, at least one. */
  private static int kept(double[] weights, float topP, float minP) {
    double total = sum(weights, weights.length);
    int kept = 1;
    double reached = weights[0];
    while (kept < weights.length && (topP >= 1 || reached < topP * total)
        && weights[kept] >= minP * weights[0]) {
      reached += weights[kept];
      kept++;
    }
    return kept;
  }

  private static int draw(double[] weights, int kept, float uniform) {
    double target = uniform * sum(weights, kept);
    double reached = 0;
    for (int i = 0; i < kept; i++) {
      reached += weights[i];
      if (reached > target) {
        return i;
      }
    }
    return kept - 1;
  }

  private static double sum(double[] weights, int count) {
    double sum = 0;
    for (int i = 0; i < count; i++) {
      sum += weights[i];
    }
    return sum;
  }

  private static float uniform(Batch batch, SamplerRows how, int r) {
    long low = Integer.toUnsignedLong(integer(how, r, 1));
    long high = integer(how, r, 2);
    return TokenSampler.uniform(high << 32 | low, Elements.getInt(batch.positions(), r) + 1);
  }
}
