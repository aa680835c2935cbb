package io.pariskv.constrain;

import io.pariskv.error.InputException;
import io.pariskv.text.Tokenizer;
import java.util.BitSet;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Makes the constraints of one model: it knows which bytes its tokens stand for.
 *
 * <p>Constraints are exact. A token may follow if and only if some answer of the form goes on with it; an answer may end if and only if
 * it is of the form; special tokens and rows without text never come, except those that end the turn. Answers are valid UTF-8. Only where a
 * form is read in so many ways at once (some hundreds) that trying all tokens would take too long may tokens of several bytes be missing.
 *
 * <p><b>JSON</b> is that of RFC 8259, with bounds so that a model cannot go round in what means nothing: white space stands between
 * tokens of JSON only, as at most one line feed and then at most 32 spaces and tabs; numbers have at most 40 digits before the point,
 * 40 after and 2 in the exponent. Halves of surrogate pairs do not come alone. Names that a schema does not list may come twice.
 *
 * <p><b>JSON Schema</b> is draft 2020-12. Supported are {@code true}, {@code false}, {@code type}, {@code enum}, {@code const},
 * {@code anyOf}, {@code oneOf} of alternatives that exclude each other, {@code allOf} of one, {@code $ref} within the schema,
 * {@code properties}, {@code required}, {@code additionalProperties}, {@code items}, {@code prefixItems}, {@code minItems},
 * {@code maxItems}, {@code minLength}, {@code maxLength}, {@code minimum}, {@code maximum}, {@code exclusiveMinimum} and
 * {@code exclusiveMaximum}. Annotations such as {@code title} and {@code format} are ignored, all else is refused. Of the texts that
 * are one value, some are chosen:
 * <ul>
 * <li>declared properties come in the order of the schema, then those that are required only, then others; names of those that are
 * declared come without escapes they do not need, names of others without any, unless nothing is declared;
 * <li>values of {@code enum} and {@code const} come as Jackson writes them, with white space between tokens;
 * <li>integers have neither fraction nor exponent nor a minus before zero; numbers with bounds have no exponent.
 * </ul>
 *
 * <p>The first token of each kind of place in a form costs up to a few ms with 128,000 tokens, at most some 0.3 s in schemas made for that;
 * others some microseconds. Immutable; any thread.
 */
public final class Constraints {
  private final Tokenizer tokenizer;
  private final Set<Integer> ends;
  private final int size;
  private @Nullable Vocabulary vocabulary;

  private Constraints(Tokenizer tokenizer, Set<Integer> ends, int size) {
    this.tokenizer = tokenizer;
    this.ends = Set.copyOf(ends);
    this.size = size;
  }

  /**
   * Reads the tokens of a model once, at the first use.
   *
   * @param ends tokens that end a turn
   * @param vocabulary rows of the model's logits, at least the tokenizer's
   */
  public static Constraints of(Tokenizer tokenizer, Set<Integer> ends, int vocabulary) {
    return new Constraints(tokenizer, ends, vocabulary);
  }

  /**
   * A constraint to answers of that form, then the end of the turn. To be kept if the form comes again: what it found out about tokens
   * goes with it.
   *
   * @throws InputException if no token ends a turn; if a schema is wrong, or says what cannot be kept exactly: the message names the place and the
   *     keyword; or if the model's tokens cannot spell such an answer: so that no answer ends nowhere, each byte that can come must
   *     have a token of its own, as it has in byte-level and byte-fallback vocabularies, or be in no token at all
   */
  public Constraint to(Form form) {
    if (ends.isEmpty() || ends.stream().anyMatch(end -> end < 0 || end >= size)) {
      throw new InputException("the model's tokens that end a turn are " + ends
          + ", expected at least one, each from 0 to " + (size - 1)
          + "; without one no answer can be constrained");
    }
    Grammar grammar = new Grammar();
    Node rule = new FormRules(grammar).form(form, grammar.end);
    BitSet all = new BitSet();
    all.set(0, 256);
    if (!Liveness.live(grammar, all).get(rule.id)) {
      throw new InputException("no answer is of the form that was asked for; correct it");
    }
    Vocabulary tokens = vocabulary();
    BitSet live = Liveness.live(grammar, tokens.used);
    if (!live.get(rule.id)) {
      throw new InputException("the model's tokens cannot spell an answer of this form: "
          + "its vocabulary has no token with " + missing(grammar, rule, tokens.used)
          + "; use another model or form");
    }
    Liveness.trim(grammar, live, tokens.used);
    BitSet stuck = Liveness.reachable(rule);
    stuck.andNot(Liveness.live(grammar, tokens.single));
    if (!stuck.isEmpty()) {
      throw new InputException("answers of this form could end nowhere: the model's vocabulary has "
          + "no single token for " + missing(grammar, rule, tokens.single)
          + "; use another model or form");
    }
    return new FormConstraint(tokens, rule);
  }

  private synchronized Vocabulary vocabulary() {
    if (vocabulary == null) {
      vocabulary = new Vocabulary(tokenizer, ends, size);
    }
    return vocabulary;
  }

  /** The bytes of a form that are not among those, as text. */
  private static String missing(Grammar grammar, Node rule, BitSet there) {
    BitSet bytes = new BitSet();
    Liveness.reachable(rule).stream().mapToObj(grammar.nodes()::get)
        .flatMap(node -> node.edges.stream())
        .forEach(edge -> bytes.set(edge.from(), edge.to() + 1));
    bytes.andNot(there);
    return bytes.stream().limit(10)
        .mapToObj(b -> b > 0x20 && b < 0x7F ? "'" + (char) b + "'" : String.format("0x%02X", b))
        .collect(Collectors.joining(", ")) + (bytes.cardinality() > 10 ? ", ..." : "");
  }
}
