package io.pariskv.backend.cuda;

import io.pariskv.kv.Batch;
import io.pariskv.layer.SamplerRows;
import io.pariskv.layer.TokenSampler;
import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;

/**
 * {@link TokenSampler} on the GPU, three launches for every {@link #ROWS} rows. The parameters stay there:
 * greedy rows and rows that draw may stand in one batch, and change from step to step. Greedy rows read
 * their logits once; rows that draw a few times more, most by one multiprocessor a row.
 *
 * <p>Sums of probabilities are exact to 2^-72, so a row's token does not depend on its batch.
 */
final class CudaTokenSampler implements TokenSampler {
  /** Tokens of the largest vocabulary: 2 to the power of {@code ID_BITS} in {@code token_sampler.cuh}. */
  static final int MAX_VOCABULARY = 1 << 23;

  /** Rows of one launch, of which the kernels keep the states. */
  static final int ROWS = 16;

  /** 64-bit words of a row's {@code State} in {@code token_sampler.cuh}. */
  private static final int STATE_WORDS = 4 + 3 * 2_048;

  private static final int BLOCK = 256;
  private static final int TOKENS_PER_BLOCK = BLOCK * 8;
  private static final int DRAW_BLOCK = 1_024;

  private final Kernels kernels;
  private final CudaFunction largest;
  private final CudaFunction masses;
  private final CudaFunction draw;
  /** {@code [ROWS][STATE_WORDS] i64}, zero between calls. */
  private final Buffer states;

  CudaTokenSampler(Kernels kernels) {
    this.kernels = kernels;
    largest = kernels.function("sampler_largest");
    masses = kernels.function("sampler_masses");
    draw = kernels.function("sampler_draw");
    states = new DeviceAllocator(kernels.stream()).allocate(DType.I64, ROWS, STATE_WORDS);
  }

  @Override
  public void sample(Buffer logits, Batch batch, SamplerRows how, Buffer tokens) {
    TokenSampler.require(logits, batch, how, tokens);
    int rows = batch.rows();
    int vocabulary = logits.shape().extent(1);
    if (vocabulary < 1 || vocabulary > MAX_VOCABULARY) {
      throw new IllegalArgumentException("cannot sample from a vocabulary of " + vocabulary
          + " tokens on the GPU; 1 to " + MAX_VOCABULARY + " are possible");
    }
    for (int from = 0; from < rows; from += ROWS) {
      int to = Math.min(from + ROWS, rows);
      sampleRows(logits.slice(from, to), batch.positions().slice(from, to), how.slice(from, to),
          tokens.slice(from, to));
    }
  }

  private void sampleRows(Buffer logits, Buffer positions, SamplerRows how, Buffer tokens) {
    int rows = logits.shape().extent(0);
    int vocabulary = logits.shape().extent(1);
    int parts = KernelLaunch.blocks(vocabulary, TOKENS_PER_BLOCK);
    scores(logits, how).grid(parts, rows).block(BLOCK).arg(states).arg(vocabulary).run(largest);
    scores(logits, how).grid(parts, rows).block(BLOCK).arg(tokens).arg(states).arg(vocabulary)
        .run(masses);
    scores(logits, how).grid(rows).block(DRAW_BLOCK).arg(positions).arg(how.ints()).arg(tokens)
        .arg(states).arg(vocabulary).run(draw);
  }

  /** What all three begin with. */
  private KernelLaunch scores(Buffer logits, SamplerRows how) {
    return kernels.launch().overlapped().arg(logits).arg(how.floats()).arg(how.seen())
        .arg(how.forbidden());
  }
}
