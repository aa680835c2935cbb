package io.pariskv.text;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Token ids in, text out, piece by piece: the pieces together are exactly {@link Tokenizer#decode} of
 * all ids, and none holds a part of a character.
 *
 * <p>A character spread over several tokens comes with the last of them. With byte-fallback
 * vocabularies ({@code <0xE4>}) a run of byte tokens comes when the run has ended, since its last byte
 * decides whether the whole of it is text. No clean-up of spaces takes place.
 *
 * <p>Costs {@code O(length of the token)} an id, amortised, however long the text already is. Not
 * thread-safe; one instance a text.
 */
public final class TokenDecoder {
  private final TokenizerFile file;
  private final boolean skipSpecial;
  private final StringBuilder out = new StringBuilder();
  private final List<DecoderStep.Run> steps = new ArrayList<>();
  private Consumer<String> first = out::append;
  private boolean finished;

  TokenDecoder(TokenizerFile file, boolean skipSpecial) {
    this.file = file;
    this.skipSpecial = skipSpecial;
    for (DecoderStep step : file.decoder().reversed()) {
      DecoderStep.Run run = step.start(first);
      steps.addFirst(run);
      first = run;
    }
  }

  /**
   * The text that this id completes, often empty.
   *
   * @throws IllegalArgumentException if the id is out of range
   * @throws IllegalStateException after {@link #finish}
   */
  public String push(int id) {
    requireUnfinished();
    file.requireId(id);
    String token = file.tokens().get(id);
    if (token != null && !(skipSpecial && file.special().get(id))) {
      first.accept(token);
    }
    return take();
  }

  /**
   * The rest: bytes that no further token completed, as U+FFFD.
   *
   * @throws IllegalStateException if called before
   */
  public String finish() {
    requireUnfinished();
    finished = true;
    steps.forEach(DecoderStep.Run::finish);
    return take();
  }

  private String take() {
    String text = out.toString();
    out.setLength(0);
    return text;
  }

  private void requireUnfinished() {
    if (finished) {
      throw new IllegalStateException("this decoder has finished its text; take a new one");
    }
  }
}
