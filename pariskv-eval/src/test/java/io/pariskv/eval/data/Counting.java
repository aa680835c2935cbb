package io.pariskv.eval.data;

import io.pariskv.eval.Sample;
import io.pariskv.eval.SampleRequest;

/** A tokenizer of words, with a chat template of seven tokens. */
public final class Counting {
  private static final int TEMPLATE = 7;

  private Counting() {
  }

  /** A request of so many samples in words. */
  public static SampleRequest words(int length, int count, long seed) {
    return new SampleRequest(length, count, seed, Counting::words);
  }

  /** The words of a sample's prompt. */
  public static int words(Sample sample) {
    return TEMPLATE + words(sample.messages().getFirst().content()) + words(sample.answerPrefix());
  }

  private static int words(String text) {
    return text.isBlank() ? 0 : text.strip().split("\\s+").length;
  }
}
