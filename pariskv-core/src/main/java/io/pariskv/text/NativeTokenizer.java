package io.pariskv.text;

import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.util.Arrays;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * One tokenizer in native memory.
 *
 * <p>Calls the native functions of DJL directly rather than its {@code HuggingFaceTokenizer}: that one
 * reports its use over the network before it loads anything, and builds a string and a span for every
 * token. What comes here has been checked: the native code ends the process on some bad input.
 *
 * <p>Thread-safe: calls run side by side, closing waits for them.
 */
final class NativeTokenizer implements AutoCloseable {
  private final ReadWriteLock lock = new ReentrantReadWriteLock();
  private long handle;

  private NativeTokenizer(long handle) {
    this.handle = handle;
  }

  /** The native library's own refusal. */
  static final class Failure extends RuntimeException {
    private static final long serialVersionUID = 1;

    Failure(RuntimeException cause) {
      super(cause.getMessage(), cause);
    }
  }

  static NativeTokenizer create(String document) {
    TokenizerLibrary.require();
    try {
      return new NativeTokenizer(TokenizersLibrary.LIB.createTokenizerFromString(document));
    } catch (RuntimeException e) {
      throw new Failure(e);
    }
  }

  int[] encode(String text, boolean addSpecials) {
    Lock reading = use();
    try {
      long encoding = TokenizersLibrary.LIB.encode(handle, text, addSpecials);
      try {
        return Arrays.stream(TokenizersLibrary.LIB.getTokenIds(encoding)).mapToInt(Math::toIntExact)
            .toArray();
      } finally {
        TokenizersLibrary.LIB.deleteEncoding(encoding);
      }
    } catch (RuntimeException e) {
      throw new Failure(e);
    } finally {
      reading.unlock();
    }
  }

  String decode(int[] ids, boolean skipSpecial) {
    long[] wide = Arrays.stream(ids).asLongStream().toArray();
    Lock reading = use();
    try {
      return TokenizersLibrary.LIB.decode(handle, wide, skipSpecial);
    } catch (RuntimeException e) {
      throw new Failure(e);
    } finally {
      reading.unlock();
    }
  }

  @Override
  public void close() {
    lock.writeLock().lock();
    try {
      if (handle != 0) {
        TokenizersLibrary.LIB.deleteTokenizer(handle);
        handle = 0;
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** The held lock under which the handle is alive. */
  private Lock use() {
    Lock reading = lock.readLock();
    reading.lock();
    if (handle == 0) {
      reading.unlock();
      throw closed();
    }
    return reading;
  }

  static IllegalStateException closed() {
    return new IllegalStateException("the tokenizer is closed");
  }
}
