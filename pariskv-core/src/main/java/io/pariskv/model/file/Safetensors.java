package io.pariskv.model.file;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * One safetensors file, mapped into memory.
 *
 * <p>Opening reads and checks the header only; pages of tensor data are loaded by the operating system
 * when they are first read. The mapping belongs to the arena given to {@link #open}. The file must not be
 * shortened while it is mapped: reading what is gone ends in an {@link InternalError}.
 *
 * <p>Immutable; safe for the threads that may use its arena.
 */
public final class Safetensors {
  private final Path file;
  private final MemorySegment bytes;
  private final SafetensorsHeader header;

  private Safetensors(Path file, MemorySegment bytes, SafetensorsHeader header) {
    this.file = file;
    this.bytes = bytes;
    this.header = header;
  }

  /**
   * Maps a file and checks its header.
   *
   * @param arena what the mapping lives in; shared if several threads read the tensors
   * @throws InputException if the file cannot be read or breaks the format
   */
  public static Safetensors open(Path file, Arena arena) {
    InputFiles.check(file);
    MemorySegment bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      bytes = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
    } catch (IOException e) {
      throw InputFiles.unreadable(file, e);
    }
    return new Safetensors(file, bytes, SafetensorsHeader.parse(file, bytes));
  }

  /** Where it was opened. */
  public Path file() {
    return file;
  }

  /** Size of the file. */
  public long byteSize() {
    return bytes.byteSize();
  }

  /** The names of all tensors, in the order of their data. */
  public Set<String> names() {
    return header.entries().keySet();
  }

  /**
   * A tensor by name, or null if the file has none of this name.
   *
   * @throws InputException if its element type is none of {@link io.pariskv.memory.DType}
   */
  public @Nullable TensorView tensorOrNull(String name) {
    SafetensorsHeader.Entry entry = header.entries().get(name);
    if (entry == null) {
      return null;
    }
    if (entry.type().dtype() == null) {
      throw new InputException(
          file + ": tensor " + Shown.quoted(name) + " has dtype " + entry.type()
              + ", expected F32, F16 or BF16; convert the model to bfloat16");
    }
    MemorySegment data = bytes.asSlice(header.dataStart() + entry.begin(),
        entry.end() - entry.begin());
    long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
    return new TensorView(name, entry.type().dtype(), shape, data, file);
  }

  /**
   * A tensor by name.
   *
   * @throws InputException if there is none of this name, or its element type cannot be used
   */
  public TensorView tensor(String name) {
    TensorView tensor = tensorOrNull(name);
    if (tensor == null) {
      throw new InputException(
          file + ": has no tensor " + Shown.quoted(name) + " among its " + names().size()
              + "; download the model again");
    }
    return tensor;
  }
}
