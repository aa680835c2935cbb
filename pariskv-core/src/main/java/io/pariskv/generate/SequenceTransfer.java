package io.pariskv.generate;

import java.time.Duration;

/**
 * K and V of a sequence on their way from or to a file, a chunk at a time, so that whoever drives the model can do other
 * things in between. The file is read or written by a thread of its own. One driving thread.
 */
public interface SequenceTransfer extends AutoCloseable {

  /**
   * Moves the next chunk, if the file has come so far.
   *
   * @param atMost how long to wait for the file
   * @return whether all is done
   * @throws io.pariskv.error.InputException if the file cannot be used any further; what was moved before stays
   */
  boolean advance(Duration atMost);

  /** Tokens moved so far, those included that needed not be. */
  int moved();

  /** Ends it, complete or not. */
  @Override
  void close();
}
