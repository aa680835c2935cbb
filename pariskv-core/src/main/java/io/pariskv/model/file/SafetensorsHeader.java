package io.pariskv.model.file;

import io.pariskv.error.InputException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonParser.NumberType;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.util.ByteBufferBackedInputStream;

/**
 * The first part of a safetensors file: 8 bytes with the header's length, little-endian, then a JSON object
 * that says of each tensor its type, its shape and where its data lies.
 *
 * <p>The object is streamed, never held as a tree, so memory is in proportion to the number of tensors.
 * As in the format's reference implementation the tensors must fill the rest of the file exactly: no overlaps,
 * no holes, nothing after the last.
 *
 * @param dataStart where tensor data begins, in bytes from the start of the file
 * @param entries   the tensors by name, in the order of their data
 */
record SafetensorsHeader(long dataStart, Map<String, Entry> entries) {
  static final long MAX_HEADER_BYTES = 100_000_000;
  static final int MAX_TENSORS = 200_000;
  static final int MAX_RANK = 8;

  private static final int LENGTH_BYTES = 8;
  /** Some 20 JSON tokens describe a tensor. */
  private static final long MAX_VALUES = 32L * MAX_TENSORS;
  private static final ValueLayout.OfLong LENGTH = ValueLayout.JAVA_LONG_UNALIGNED
      .withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final JsonFactory JSON = JsonFile.factory(MAX_HEADER_BYTES, MAX_VALUES);

  /** One tensor; {@code begin} and {@code end} are bytes from {@link #dataStart}. */
  record Entry(String name, SafetensorsType type, List<Long> shape, long begin, long end) {
  }

  /**
   * Parses and checks the header of a whole file.
   *
   * @param file  its name, for messages
   * @param bytes all of it
   * @throws InputException if any rule of the format or any limit is broken
   */
  static SafetensorsHeader parse(Path file, MemorySegment bytes) {
    long size = bytes.byteSize();
    if (size < LENGTH_BYTES) {
      throw new InputException(file + ": has " + size + " bytes, expected at least " + LENGTH_BYTES
          + " for a safetensors file; download it again");
    }
    long length = bytes.get(LENGTH, 0);
    if (length < 2 || length > MAX_HEADER_BYTES) {
      throw new InputException(
          file + ": header length is " + Long.toUnsignedString(length) + ", expected 2 to "
              + MAX_HEADER_BYTES + "; this is not a safetensors file");
    }
    if (length > size - LENGTH_BYTES) {
      throw new InputException(file + ": header length is " + length + ", but the file has only "
          + (size - LENGTH_BYTES) + " more bytes; the download is incomplete, download it again");
    }
    MemorySegment header = bytes.asSlice(LENGTH_BYTES, length);
    if (header.get(ValueLayout.JAVA_BYTE, 0) != '{') {
      throw new InputException(
          file + ": the header does not begin with '{'; this is not a safetensors file");
    }
    long dataStart = LENGTH_BYTES + length;
    Parser parser = new Parser(file, size - dataStart);
    List<Entry> entries = parser.parse(header);
    return new SafetensorsHeader(dataStart, parser.laidOut(entries));
  }

  /** The state of one pass over a header. */
  private record Parser(Path file, long dataBytes) {

    List<Entry> parse(MemorySegment header) {
      List<Entry> entries = new ArrayList<>();
      try (JsonParser json = JSON.createParser(ObjectReadContext.empty(),
          new ByteBufferBackedInputStream(header.asByteBuffer()))) {
        json.nextToken(); // the opening brace, checked above
        for (String name = json.nextName(); name != null; name = json.nextName()) {
          json.nextToken();
          if (name.equals("__metadata__")) {
            checkMetadata(json);
          } else {
            entries.add(entry(name, json));
          }
          if (entries.size() > MAX_TENSORS) {
            throw new InputException(
                file + ": the header has more than " + MAX_TENSORS + " tensors, the limit");
          }
        }
        if (json.nextToken() != null) {
          throw new InputException(
              file + ": the header has text after its JSON object; this is not a safetensors file");
        }
      } catch (JacksonException e) {
        throw JsonFile.malformed(file, e);
      }
      return entries;
    }

    /** Free text that nothing here uses; only its form is checked. */
    private void checkMetadata(JsonParser json) {
      boolean valid = json.currentToken() == JsonToken.START_OBJECT;
      while (valid && json.nextToken() != JsonToken.END_OBJECT) {
        valid = json.nextToken() == JsonToken.VALUE_STRING;
      }
      if (!valid) {
        throw new InputException(
            file + ": __metadata__ is not an object of strings, as the format requires; download it again");
      }
    }

    private Entry entry(String name, JsonParser json) {
      if (json.currentToken() != JsonToken.START_OBJECT) {
        throw error(name, "is not described by an object with dtype, shape and data_offsets");
      }
      SafetensorsType type = null;
      List<Long> shape = null;
      List<Long> offsets = null;
      for (String field = json.nextName(); field != null; field = json.nextName()) {
        json.nextToken();
        switch (field) {
          case "dtype" -> type = type(name, json);
          case "shape" -> shape = numbers(name, "shape", MAX_RANK, json);
          case "data_offsets" -> offsets = numbers(name, "data_offsets", 2, json);
          default -> json.skipChildren();
        }
      }
      if (type == null || shape == null || offsets == null || offsets.size() != 2) {
        throw error(name, "lacks one of dtype, shape and data_offsets (two numbers)");
      }
      return checked(new Entry(name, type, shape, offsets.get(0), offsets.get(1)));
    }

    private SafetensorsType type(String tensor, JsonParser json) {
      String name = json.currentToken() == JsonToken.VALUE_STRING ? json.getString() : "";
      SafetensorsType type = SafetensorsType.named(name);
      if (type == null) {
        throw error(tensor, "has dtype " + Shown.quoted(name) + ", expected one of "
            + Arrays.toString(SafetensorsType.values()));
      }
      return type;
    }

    private List<Long> numbers(String tensor, String field, int max, JsonParser json) {
      if (json.currentToken() != JsonToken.START_ARRAY) {
        throw error(tensor, field + " is not a list of numbers");
      }
      List<Long> numbers = new ArrayList<>(max);
      while (json.nextToken() != JsonToken.END_ARRAY) {
        boolean whole = json.currentToken() == JsonToken.VALUE_NUMBER_INT
            && json.getNumberType() != NumberType.BIG_INTEGER && json.getLongValue() >= 0;
        if (!whole) {
          throw error(tensor, field + " has " + Shown.plain(String.valueOf(json.getString()))
              + ", expected whole numbers from 0 to " + Long.MAX_VALUE);
        }
        if (numbers.size() == max) {
          throw error(tensor, field + " has more than " + max + " numbers, the limit");
        }
        numbers.add(json.getLongValue());
      }
      return Collections.unmodifiableList(numbers);
    }

    private Entry checked(Entry entry) {
      if (entry.begin > entry.end) {
        throw error(entry.name,
            "data_offsets begin at " + entry.begin + ", after their end at " + entry.end);
      }
      long bytes;
      try {
        long elements = 1;
        for (long size : entry.shape) {
          elements = Math.multiplyExact(elements, size);
        }
        long bits = Math.multiplyExact(elements, (long) entry.type.bits());
        if (bits % 8 != 0) {
          throw error(entry.name, "has " + bits + " bits, expected whole bytes");
        }
        bytes = bits / 8;
      } catch (ArithmeticException e) {
        throw new InputException(
            file + ": tensor " + Shown.quoted(entry.name) + " has shape " + entry.shape
                + ", too large to address; this is not a valid safetensors file",
            e);
      }
      if (entry.end - entry.begin != bytes) {
        throw error(entry.name,
            "data_offsets cover " + (entry.end - entry.begin) + " bytes, expected " + bytes
                + " for " + entry.type + " " + entry.shape);
      }
      if (entry.end > dataBytes) {
        throw error(entry.name,
            "ends at byte " + entry.end + " of the data, but the file has " + dataBytes
                + ", so the download is incomplete");
      }
      return entry;
    }

    private Map<String, Entry> laidOut(List<Entry> entries) {
      entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
      Map<String, Entry> byName = LinkedHashMap.newLinkedHashMap(entries.size());
      Entry previous = null;
      for (Entry entry : entries) {
        checkFollows(previous, entry);
        byName.put(entry.name, entry);
        previous = entry;
      }
      long end = previous == null ? 0 : previous.end;
      if (end != dataBytes) {
        throw new InputException(
            file + ": the tensors end at byte " + end + " of the data, but the file has "
                + dataBytes + "; the file does not belong to its header, download it again");
      }
      return Collections.unmodifiableMap(byName);
    }

    private void checkFollows(@Nullable Entry previous, Entry entry) {
      long expected = previous == null ? 0 : previous.end;
      if (entry.begin < expected && previous != null) {
        throw error(entry.name,
            "begins at byte " + entry.begin + " of the data and overlaps tensor "
                + Shown.quoted(previous.name) + ", which ends at " + expected);
      }
      if (entry.begin != expected) {
        throw error(entry.name,
            "begins at byte " + entry.begin + " of the data, expected " + expected
                + ": the format allows no holes");
      }
    }

    private InputException error(String tensor, String problem) {
      return new InputException(
          file + ": tensor " + Shown.quoted(tensor) + " " + problem + "; download it again");
    }
  }
}
