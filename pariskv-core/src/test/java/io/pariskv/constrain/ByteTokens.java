package io.pariskv.constrain;

import io.pariskv.text.TokenDecoder;
import io.pariskv.text.Tokenizer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Tokens of given bytes; the last ends a turn. Rows of the model follow that no token has. */
final class ByteTokens implements Tokenizer {
  private static final int PADDING = 7;

  private final List<byte[]> tokens;

  private ByteTokens(List<byte[]> tokens) {
    this.tokens = new ArrayList<>(tokens);
    this.tokens.add(new byte[0]);
  }

  /** A token for each text. */
  static ByteTokens of(List<String> texts) {
    return new ByteTokens(
        texts.stream().map(text -> text.getBytes(StandardCharsets.UTF_8)).toList());
  }

  /** A token for each byte, and some of several. */
  static ByteTokens allBytesAnd(String... texts) {
    List<byte[]> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(new byte[]{(byte) b});
    }
    for (String text : texts) {
      tokens.add(text.getBytes(StandardCharsets.UTF_8));
    }
    return new ByteTokens(tokens);
  }

  /** A token for each byte, and random ones of what JSON has, some with parts of characters. */
  static ByteTokens random(Random random, int count) {
    List<byte[]> tokens = new ArrayList<>();
    for (int b = 0; b < 256; b++) {
      tokens.add(new byte[]{(byte) b});
    }
    byte[] text = "{\"a\": \"b\", \"name\":[1,-2.5e3,null]}, \n  [\"\\u00e9\\n\"],true,false}]äöü你\uD83D\uDE00\"}}]]"
        .getBytes(StandardCharsets.UTF_8);
    for (int i = 0; i < count; i++) {
      int from = random.nextInt(text.length - 1);
      tokens.add(
          Arrays.copyOfRange(text, from, Math.min(text.length, from + 2 + random.nextInt(5))));
    }
    return new ByteTokens(tokens);
  }

  Constraints constraints() {
    return Constraints.of(this, Set.of(end()), rows());
  }

  int end() {
    return tokens.size() - 1;
  }

  int rows() {
    return tokens.size() + PADDING;
  }

  byte[] bytes(int token) {
    return tokens.get(token);
  }

  /** Which tokens may follow. */
  boolean[] allowed(Constraint.Progress progress) {
    int[] forbidden = new int[(rows() + 31) / 32];
    progress.forbid(forbidden);
    boolean[] allowed = new boolean[rows()];
    for (int token = 0; token < rows(); token++) {
      allowed[token] = (forbidden[token >> 5] >>> token & 1) == 0;
    }
    return allowed;
  }

  /** Random tokens that spell a text. */
  List<Integer> split(String spelt, Random random) {
    byte[] text = spelt.getBytes(StandardCharsets.UTF_8);
    List<Integer> ids = new ArrayList<>();
    for (int at = 0; at < text.length;) {
      List<Integer> fitting = new ArrayList<>();
      for (int token = 0; token < end(); token++) {
        byte[] bytes = tokens.get(token);
        if (bytes.length > 0 && bytes.length <= text.length - at
            && Arrays.equals(bytes, 0, bytes.length, text, at, at + bytes.length)) {
          fitting.add(token);
        }
      }
      int token = fitting.get(random.nextInt(fitting.size()));
      ids.add(token);
      at += tokens.get(token).length;
    }
    return ids;
  }

  @Override
  public int vocabularySize() {
    return tokens.size();
  }

  @Override
  public byte[] tokenBytes(int id, boolean first) {
    return tokens.get(id);
  }

  @Override
  public int[] encode(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int[] encodeWithSpecials(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public int[] encodePlain(String text) {
    throw new UnsupportedOperationException();
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    throw new UnsupportedOperationException();
  }

  @Override
  public TokenDecoder decoder(boolean skipSpecial) {
    throw new UnsupportedOperationException();
  }

  @Override
  public @Nullable String tokenText(int id) {
    throw new UnsupportedOperationException();
  }

  @Override
  public OptionalInt idOf(String tokenText) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isSpecial(int id) {
    return id == end();
  }

  @Override
  public void close() {
  }
}
