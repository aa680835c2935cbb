package io.pariskv.server.openai;

import io.pariskv.generate.TokenLogprobs;
import io.pariskv.server.http.Json;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** How probable the tokens of a completion were: lists side by side. One instance an answer; not thread-safe. */
final class CompletionTokens {
  private static final HexFormat BYTES = HexFormat.of().withPrefix("\\x");

  private final TokenJson json;
  /* Characters that have begun in the tokens so far. */
  private int begun;

  CompletionTokens(TokenJson json) {
    this.json = json;
  }

  /** The next tokens of the answer. */
  ObjectNode json(List<TokenLogprobs> tokens) {
    ObjectNode lists = Json.object();
    ArrayNode texts = lists.putArray("tokens");
    ArrayNode logprobs = lists.putArray("token_logprobs");
    ArrayNode top = lists.putArray("top_logprobs");
    ArrayNode offsets = lists.putArray("text_offset");
    for (TokenLogprobs token : tokens) {
      String text = text(token.token());
      texts.add(text);
      logprobs.add(TokenJson.logprob(token.logprob()));
      ObjectNode map = top.addObject();
      token.top().forEach(
          other -> map.put(text(other.token()), TokenJson.logprob(other.logprob())));
      map.put(text, TokenJson.logprob(token.logprob())); // also where it is none of the most probable
      offsets.add(offset(token.token()));
    }
    return lists;
  }

  /** Where a token begins in the text; where its character does, if it begins in the middle of one. */
  private int offset(int id) {
    byte[] bytes = json.bytes(id, begun == 0);
    int offset = bytes.length > 0 && continues(bytes[0]) ? Math.max(0, begun - 1) : begun;
    for (byte b : bytes) {
      begun += continues(b) ? 0 : 1;
    }
    return offset;
  }

  private static boolean continues(byte b) {
    return (b & 0xC0) == 0x80;
  }

  /** Names in a map must differ, so bytes that are no text are shown as such. */
  private String text(int id) {
    if (json.isSpecial(id)) {
      return json.text(id);
    }
    byte[] bytes = json.bytes(id, false);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      return "bytes:" + BYTES.formatHex(bytes);
    }
  }
}
