package io.pariskv.generate;

import io.pariskv.saved.CacheChunk;
import io.pariskv.saved.CacheHeader;
import io.pariskv.saved.WriteBehind;
import java.nio.file.Path;
import java.time.Duration;

/** K and V of a sequence into a file, which takes its place when all of it is on the disk. */
final class SequenceSave implements SequenceTransfer {
  private final Sequence sequence;
  private final int layers;
  private final WriteBehind behind;

  /** @param header of the file, of as many tokens as the sequence has or fewer */
  SequenceSave(Sequence sequence, Path file, CacheHeader header) {
    this.sequence = sequence;
    this.layers = header.layers();
    this.behind = new WriteBehind(file, header, sequence.tokens());
  }

  @Override
  public boolean advance(Duration atMost) {
    if (behind.full()) {
      return behind.committed(atMost);
    }
    CacheChunk chunk = behind.next(atMost);
    if (chunk != null) {
      for (int layer = 0; layer < layers; layer++) {
        sequence.cache().read(layer, chunk.start(), chunk.tokens(), chunk.keys(layer),
            chunk.values(layer));
      }
      behind.write(chunk);
    }
    return false;
  }

  @Override
  public int moved() {
    return behind.given();
  }

  @Override
  public void close() {
    behind.close();
  }
}
