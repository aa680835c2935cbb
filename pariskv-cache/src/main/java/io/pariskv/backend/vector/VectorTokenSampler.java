package io.pariskv.backend.vector;

import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.layer.TokenSampler;
import io.pariskv.memory.Buffer;
import java.lang.foreign.ValueLayout;

/**
 * {@link TokenSampler} that takes the largest logit in one pass where the temperature is 0; drawing is
 * left to another implementation, the sorting and the exact sums of which need no vectors.
 */
final class VectorTokenSampler implements TokenSampler {
  private final TokenSampler drawing;

  VectorTokenSampler(TokenSampler drawing) {
    this.drawing = drawing;
  }

  @Override
  public void sample(Buffer logits, Batch batch, SamplerRows how, Buffer tokens) {
    TokenSampler.require(logits, batch, how, tokens);
    int rows = batch.rows();
    int vocabulary = logits.shape().extent(1);
    for (int r = 0; r < rows; r++) {
      long parameters = how.floats().address() + 4L * SamplerRows.FLOAT_FIELDS * r;
      if (Raw.getFloat(parameters) > 0) {
        Batch row = new Batch(1, batch.slots().slice(r, r + 1), batch.positions().slice(r, r + 1));
        drawing.sample(logits.slice(r, r + 1), row, how.slice(r, r + 1), tokens.slice(r, r + 1));
      } else {
        long seen = how.seen().address() + (long) r * vocabulary;
        long forbidden = how.forbidden().address() + 4L * r * SamplerRows.words(vocabulary);
        int token = largest(logits.address() + 4L * r * vocabulary, seen, forbidden,
            Raw.getFloat(parameters + 12), vocabulary);
        tokens.segment().setAtIndex(ValueLayout.JAVA_INT, r, token);
        Raw.ALL.set(ValueLayout.JAVA_BYTE, seen + token, (byte) 1);
      }
    }
  }

  /** The token of the largest logit after the repetition penalty that is not forbidden, the lowest of equals. */
  private static int largest(long logits, long seen, long forbidden, float penalty,
      int vocabulary) {
    int best = 0;
    float largest = Float.NEGATIVE_INFINITY;
    for (int from = 0; from < vocabulary; from += Integer.SIZE) {
      int bits = Raw.getInt(forbidden + from / 8);
      int to = Math.min(from + Integer.SIZE, vocabulary);
      for (int i = from; i < to; i++, bits >>>= 1) {
        float logit = Raw.getFloat(logits + 4L * i);
        if (penalty != 1 && Raw.ALL.get(ValueLayout.JAVA_BYTE, seen + i) != 0) {
          logit = logit > 0 ? logit / penalty : logit * penalty;
        }
        if (logit > largest && (bits & 1) == 0) { // never true of NaN
          largest = logit;
          best = i;
        }
      }
    }
    return best;
  }
}
