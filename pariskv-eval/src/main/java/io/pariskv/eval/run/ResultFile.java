package io.pariskv.eval.run;

import io.pariskv.error.InputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The directory of one evaluation: {@code settings.json} and {@code samples.jsonl}, a line a sample, each on disk before
 * the next begins. A line torn by a kill is dropped when the file is opened again, so no sample is lost or counted twice.
 *
 * <p>One process at a time; not thread-safe.
 */
public final class ResultFile implements AutoCloseable {
  private static final String SETTINGS = "settings.json";
  private static final String SAMPLES = "samples.jsonl";
  private static final JsonMapper MAPPER = JsonMapper.builder().build();

  /** Where lines go; a seam for tests of a full disk. */
  interface Disk {
    void append(ByteBuffer line) throws IOException;
  }

  private final Path file;
  private final FileChannel channel;
  private final Disk disk;
  private final List<Line> lines;

  private ResultFile(Path file, FileChannel channel, Disk disk, List<Line> lines) {
    this.file = file;
    this.channel = channel;
    this.disk = disk;
    this.lines = lines;
  }

  /**
   * Opens a directory to write to, making it if it is not there.
   *
   * @param settings what the samples stand for, by name
   * @param resume whether samples may be there already
   * @throws InputException if the directory has samples and {@code resume} is false, has other settings, is in use, has a
   *     damaged line, or cannot be written
   */
  public static ResultFile open(Path directory, Map<String, String> settings, boolean resume) {
    Path file = directory.resolve(SAMPLES);
    try {
      Files.createDirectories(directory);
      boolean begun = Files.exists(file) && Files.size(file) > 0;
      if (begun && !resume) {
        throw new InputException(
            directory + ": has samples of an earlier run; give --resume to go on with them, or"
                + " another --out");
      }
      if (begun) {
        requireSame(directory, settings);
      } else {
        Files.writeString(directory.resolve(SETTINGS),
            MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(settings) + "\n");
      }
      return open(directory, file);
    } catch (IOException e) {
      throw new InputException(
          directory + ": cannot be written (" + IoReason.of(e) + "); give another --out",
          e);
    }
  }

  private static ResultFile open(Path directory, Path file) throws IOException {
    FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE,
        StandardOpenOption.READ, StandardOpenOption.WRITE);
    try {
      lock(directory, channel);
      List<Line> lines = new ArrayList<>();
      long whole = parse(file, Files.readAllBytes(file), lines);
      channel.truncate(whole);
      channel.position(whole);
      return new ResultFile(file, channel, line -> append(channel, line), lines);
    } catch (IOException | RuntimeException | Error e) {
      channel.close();
      throw e;
    }
  }

  private static void lock(Path directory, FileChannel channel) throws IOException {
    boolean free;
    try {
      free = channel.tryLock() != null;
    } catch (OverlappingFileLockException e) { // by this process
      free = false;
    }
    if (!free) {
      throw new InputException(
          directory + ": another run is writing to it; wait, or give another --out");
    }
  }

  /** The samples of a directory, for a report. */
  public static List<Line> read(Path directory) {
    Path file = directory.resolve(SAMPLES);
    List<Line> lines = new ArrayList<>();
    try {
      parse(file, Files.readAllBytes(file), lines);
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e)
          + "); give the directory of 'pariskv eval --out'", e);
    }
    return lines;
  }

  /** The settings of a directory, for a report. */
  public static Map<String, String> settings(Path directory) {
    Path file = directory.resolve(SETTINGS);
    try {
      return MAPPER.readValue(Files.readString(file), MAPPER.getTypeFactory()
          .constructMapType(LinkedHashMap.class, String.class, String.class));
    } catch (IOException e) {
      throw new InputException(file + ": cannot be read (" + IoReason.of(e)
          + "); give the directory of 'pariskv eval --out'", e);
    } catch (JacksonException e) {
      throw new InputException(file + ": is damaged (" + e.getOriginalMessage()
          + "); give another --out", e);
    }
  }

  private static void requireSame(Path directory, Map<String, String> settings) {
    Map<String, String> found = settings(directory);
    settings.forEach((name, value) -> {
      String before = found.getOrDefault(name, "");
      if (!before.equals(value)) {
        throw new InputException(
            directory.resolve(SETTINGS) + ": " + name + " is \"" + before + "\", now it is \""
                + value + "\"; give the same settings, or another --out");
      }
    });
  }

  /** Adds the lines and returns how many bytes they take; an end without line feed, or that is no line, is left out. */
  private static long parse(Path file, byte[] bytes, List<Line> lines) {
    Map<Map.Entry<Cell, String>, Integer> samples = new HashMap<>();
    int start = 0;
    for (int i = 0; i < bytes.length; i++) {
      if (bytes[i] == '\n') {
        int number = lines.size() + 1;
        try {
          lines.add(parse(bytes, start, i));
        } catch (JacksonException e) {
          if (i == bytes.length - 1) { // torn by a crash of the system, which may lose what comes before
            break;
          }
          throw new InputException(file + ": line " + number + " is damaged ("
              + e.getOriginalMessage() + "); remove it, and its sample is computed again", e);
        }
        if (lines.getLast() instanceof SampleLine sample) {
          Integer first = samples.putIfAbsent(Map.entry(sample.cell(), sample.id()), number);
          requireNew(file, sample, number, first);
        }
        start = i + 1;
      }
    }
    return start;
  }

  private static void requireNew(Path file, SampleLine sample, int number,
      @Nullable Integer first) {
    if (first != null) {
      throw new InputException(file + ": line " + number + " has sample " + sample.id() + " of "
          + sample.cell() + ", which line " + first
          + " has already; remove one of them, or it counts twice");
    }
  }

  private static Line parse(byte[] bytes, int start, int end) {
    Line line = MAPPER.readValue(bytes, start, end - start, Line.class);
    if (line == null) {
      throw new StreamReadException("it says null");
    }
    return line;
  }

  private static void append(FileChannel channel, ByteBuffer line) throws IOException {
    while (line.hasRemaining()) {
      channel.write(line);
    }
    channel.force(false);
  }

  /** The same with another disk. */
  ResultFile on(Disk other) {
    return new ResultFile(file, channel, other, lines);
  }

  /** All lines so far, in the order they were written. */
  public List<Line> lines() {
    return List.copyOf(lines);
  }

  /**
   * Adds a line and waits until it is on disk.
   *
   * @throws InputException if the disk is full; all lines before are kept
   */
  public void append(Line line) {
    byte[] text = (MAPPER.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8);
    long before = -1;
    try {
      before = channel.position();
      disk.append(ByteBuffer.wrap(text));
    } catch (IOException e) {
      dropAfter(before, e);
      throw new InputException(file + ": cannot be written (" + IoReason.of(e) + "); "
          + lines.size() + " lines are kept: make room, then go on with --resume", e);
    }
    lines.add(line);
  }

  private void dropAfter(long length, IOException failure) {
    try {
      if (length >= 0) {
        channel.truncate(length);
      }
    } catch (IOException e) { // then the torn line is dropped when the file is opened again
      failure.addSuppressed(e);
    }
  }

  /** Ends writing. */
  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      throw new InputException(file + ": cannot be closed (" + e.getMessage() + ")", e);
    }
  }
}
