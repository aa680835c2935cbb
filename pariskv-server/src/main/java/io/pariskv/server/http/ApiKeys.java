package io.pariskv.server.http;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The keys that open the server, of which only digests are kept; none for a server that is open to all. */
public final class ApiKeys {
  /** Whoever reaches the server may use it. */
  public static final ApiKeys NONE = new ApiKeys(List.of());

  /** In place of a key's number. */
  static final int NO_KEY = -1;

  private static final int MOST_BYTES = 1 << 16;
  private static final int LEAST_CHARACTERS = 8;
  private static final String SCHEME = "Bearer ";

  private final List<byte[]> digests;

  private ApiKeys(List<byte[]> digests) {
    this.digests = digests;
  }

  /**
   * Reads keys, one a line, so that a new one can be valid beside the old; empty lines do not count.
   *
   * @throws InputException if the file cannot be read, or has no key, or one that is too short to be one
   */
  public static ApiKeys read(Path file) {
    String text;
    try {
      if (Files.size(file) > MOST_BYTES) {
        throw new InputException(file + " has " + Files.size(file) + " bytes, at most " + MOST_BYTES
            + " are read; is it the file of keys?");
      }
      text = Files.readString(file);
    } catch (NoSuchFileException e) {
      throw new InputException(file + ": there is no such file; give the file of keys", e);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read as a file of keys (" + e.getMessage() + ")",
          e);
    }
    List<String> keys = text.lines().map(String::strip).filter(line -> !line.isEmpty()).toList();
    if (keys.isEmpty()) {
      throw new InputException(file + " has no key; give one a line");
    }
    if (keys.stream().anyMatch(key -> key.length() < LEAST_CHARACTERS)) {
      throw new InputException(file + " has a key of fewer than " + LEAST_CHARACTERS
          + " characters; give a longer one");
    }
    return of(keys);
  }

  /** These keys. */
  public static ApiKeys of(List<String> keys) {
    return new ApiKeys(keys.stream().map(ApiKeys::digest).toList());
  }

  /** Whether there are keys. */
  public boolean required() {
    return !digests.isEmpty();
  }

  /**
   * Refuses a request without one of the keys. Takes as long for any wrong key.
   *
   * @param authorization the header, or null
   * @return which of the keys it is, or {@link #NO_KEY} if none is needed
   */
  int check(@Nullable String authorization) {
    if (!required()) {
      return NO_KEY;
    }
    if (authorization == null
        || !authorization.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      throw ApiException.unauthorized(
          "this server wants a key: send the header 'Authorization: Bearer KEY'");
    }
    byte[] given = digest(authorization.substring(SCHEME.length()).strip());
    int known = NO_KEY;
    for (int key = 0; key < digests.size(); key++) {
      known = MessageDigest.isEqual(digests.get(key), given) ? key : known;
    }
    if (known == NO_KEY) {
      throw ApiException.unauthorized("the key is not one of this server's");
    }
    return known;
  }

  /** Digests have one length, so nothing is told of a key's. */
  private static byte[] digest(String key) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(key.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
