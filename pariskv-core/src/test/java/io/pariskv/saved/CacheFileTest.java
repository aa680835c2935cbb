package io.pariskv.saved;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.kv.KvShape;
import io.pariskv.memory.DType;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteOrder;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Cache files as such: what comes out is what went in, or the file is refused. */
class CacheFileTest {
  private static final long SEED = Long.getLong("pariskv.seed", 20261124);
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final KvShape SHAPE = new KvShape(3, 4, 2, 6, DType.BF16);
  private static final ModelIdentity MODEL = new ModelIdentity("m",
      Map.of("rope_theta", "10000.0", "hidden_size", "24"), "a".repeat(64), "b".repeat(64));

  @TempDir
  private Path directory;
  private Path file;

  @BeforeEach
  void name() {
    file = directory.resolve("document.pkv");
  }

  private static CacheHeader header(int tokens) {
    return CacheHeader.of(MODEL, SHAPE, tokens, true, 12.5);
  }

  /** Every byte of a chunk says where it is. */
  private static void fill(CacheChunk chunk, int salt) {
    for (int layer = 0; layer < SHAPE.layers(); layer++) {
      for (var part : List.of(chunk.keys(layer), chunk.values(layer))) {
        for (long i = 0; i < part.byteSize(); i++) {
          part.set(ValueLayout.JAVA_BYTE, i,
              (byte) (31 * chunk.start() + 7 * layer + i + salt));
        }
      }
    }
  }

  static void write(Path file, int tokens, int salt) {
    int[] ids = new Random(tokens).ints(tokens, 0, 1000).toArray();
    try (WriteBehind behind = new WriteBehind(file, header(tokens), ids)) {
      while (!behind.full()) {
        CacheChunk chunk = Objects.requireNonNull(behind.next(PATIENCE));
        fill(chunk, salt);
        behind.write(chunk);
      }
      assertTrue(behind.committed(PATIENCE));
    }
  }

  /** Reads all of it; the last byte tells what it was written with. */
  static byte read(Path file) {
    try (CacheReader reader = CacheReader.open(file);
        ReadAhead ahead = new ReadAhead(reader, 0, reader.header().tokens())) {
      byte last = 0;
      for (int position = 0; position < reader.header().tokens();) {
        CacheChunk chunk = Objects.requireNonNull(ahead.next(PATIENCE));
        assertEquals(position, chunk.start());
        position += chunk.tokens();
        var values = chunk.values(SHAPE.layers() - 1);
        last = values.get(ValueLayout.JAVA_BYTE, values.byteSize() - 1);
        ahead.done(chunk);
      }
      return last;
    }
  }

  private static void assertRefused(Path file, String... parts) {
    InputException refusal = assertThrows(InputException.class, () -> read(file));
    for (String part : parts) {
      assertTrue(String.valueOf(refusal.getMessage()).contains(part), refusal.getMessage());
    }
  }

  @Test
  void whatIsRead_isWhatWasWritten_atAwkwardLengths() {
    for (int tokens : new int[]{1, 2, 1023, 1024, 1025, 5000}) {
      write(file, tokens, 3);
      try (CacheReader reader = CacheReader.open(file)) {
        assertEquals(header(tokens).model(), reader.header().model());
        assertEquals(tokens, reader.header().tokens());
        assertEquals(12.5, reader.header().prefillSeconds());
        assertTrue(reader.header().openTurn());
        assertEquals(reader.bytes(), file.toFile().length());
        assertArrayEquals(new Random(tokens).ints(tokens, 0, 1000).toArray(), reader.tokens());
        reader.requireFits(MODEL, SHAPE);
      }
      byte first = read(file);
      write(file, tokens, 4); // in its place
      assertEquals((byte) (first + 1), read(file));
    }
    assertEquals(List.of("document.pkv"), List.of(directory.toFile().list()));
  }

  @Test
  void readingFromTheMiddle_beginsWithTheChunkThatHasIt() {
    write(file, 5000, 3);
    try (CacheReader reader = CacheReader.open(file);
        ReadAhead ahead = new ReadAhead(reader, 2050, 3072)) {
      CacheChunk chunk = Objects.requireNonNull(ahead.next(PATIENCE));
      assertEquals(2048, chunk.start());
      CacheChunk same = new CacheChunk(reader.layout(), Arena.ofAuto());
      same.become(2);
      fill(same, 3);
      assertEquals(-1, chunk.keys(1).mismatch(same.keys(1)));
      assertEquals(-1, chunk.values(2).mismatch(same.values(2)));
    }
  }

  @Test
  void anyFlippedBit_isRefused() throws IOException {
    write(file, 1100, 0);
    byte[] good = Files.readAllBytes(file);
    Random random = new Random(SEED);
    int header = 300; // every byte of what is parsed, and some of the others
    int[] places = IntStream
        .concat(IntStream.range(0, header),
            random.ints(500, header, good.length))
        .toArray();
    try (RandomAccessFile flipping = new RandomAccessFile(file.toFile(), "rw")) {
      for (int at : places) {
        int bit = random.nextInt(8);
        flipping.seek(at);
        flipping.write(good[at] ^ 1 << bit);
        assertRefused(file, file.toString());
        flipping.seek(at);
        flipping.write(good[at]);
      }
    } catch (AssertionError e) {
      throw new AssertionError("seed " + SEED, e);
    }
    read(file);
  }

  @Test
  void cutOrLengthenedFile_isRefusedWithBothNumbers() throws IOException {
    write(file, 40, 0);
    byte[] good = Files.readAllBytes(file);
    for (int length = 0; length < good.length; length += length < 700 ? 1 : 97) {
      Files.write(file, Arrays.copyOf(good, length));
      assertRefused(file, file.toString());
    }
    Files.write(file, Arrays.copyOf(good, good.length - 1));
    assertRefused(file, "has " + (good.length - 1) + " bytes", "should have " + good.length, "cut");
    Files.write(file, Arrays.copyOf(good, good.length + 1));
    assertRefused(file, "has " + (good.length + 1) + " bytes", "should have " + good.length);
  }

  @Test
  void blockOfAnotherPlaceOrFile_isRefused() throws IOException {
    write(file, 2048, 0);
    byte[] bytes = Files.readAllBytes(file);
    Path other = directory.resolve("other.pkv");
    write(other, 2048, 1);
    CacheLayout layout;
    try (CacheReader reader = CacheReader.open(file)) {
      layout = reader.layout();
    }
    int block = (int) layout.blockBytes(1024);
    byte[] swapped = bytes.clone();
    System.arraycopy(bytes, (int) layout.chunkAt(0), swapped, (int) layout.chunkAt(1), block);
    Files.write(file, swapped);
    assertRefused(file, "tokens 1024 to 2047 of layer 0");
  }

  /** A header with right checksums that asks for what no file has, or no reader should take. */
  @Test
  void headersThatLie_areRefusedBeforeAnythingIsAllocated() throws IOException {
    write(file, 40, 0);
    String json = new String(header(40).toJson(), StandardCharsets.UTF_8);
    refuse(json.replace("\"tokens\":40", "\"tokens\":39"), "should have");
    refuse(json.replace("\"tokens\":40", "\"tokens\":134217728"), "should have");
    refuse(json.replace("\"tokens\":40", "\"tokens\":0"), "tokens", "0", "1 to 134217728");
    refuse(json.replace("\"tokens\":40", "\"tokens\":1e99"), "tokens");
    refuse(json.replace("\"tokens\":40", "\"tokens\":[]"), "tokens");
    refuse(json.replace("\"tokens\":40", "\"tokens\":134217728").replace("\"layers\":3",
        "\"layers\":1000").replace("\"kv_heads\":2", "\"kv_heads\":16384").replace("\"head_dim\":6",
            "\"head_dim\":4096"),
        "more bytes than a file can have");
    refuse(json.replace("bf16", "f16"), "dtype", "f16", "bf16");
    refuse(json.replace("\"chunk_tokens\":1024", "\"chunk_tokens\":1025"), "1025", "1 to 1024");
    refuse(json.replace("{\"model\"", "{\"model\":{},\"model\""), "JSON");
    refuse("[]", "model.config");
    refuse("{ ", "JSON");
    refuse(" ".repeat(70_000), "70000", "65536");
    refuse(json.replace("\"name\":\"m\"", "\"name\":\"" + "[".repeat(60_000) + "\""),
        "should have");
    refuse("[".repeat(60_000), "JSON");
  }

  private void refuse(String json, String... parts) throws IOException {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    byte[] good = Files.readAllBytes(file);
    byte[] prefix = ByteBuffer.allocate(20).order(ByteOrder.LITTLE_ENDIAN)
        .put(good, 0, 12).putInt(header.length).array();
    ByteBuffer.wrap(prefix).order(ByteOrder.LITTLE_ENDIAN).putInt(16,
        CacheReader.headerChecksum(prefix, header));
    Path lying = directory.resolve("lying.pkv");
    Files.write(lying, ByteBuffer.allocate(good.length + header.length).put(prefix).put(header)
        .put(good, 20, good.length - 20).array());
    assertRefused(lying, parts);
  }

  @Test
  void otherVersion_andWhatIsNoCacheFile_areRefused() throws IOException {
    write(file, 40, 0);
    byte[] bytes = Files.readAllBytes(file);
    bytes[8] = 2;
    Files.write(file, bytes);
    assertRefused(file, "version 2", "reads version 1");
    Files.writeString(file, "# A document\n".repeat(10));
    assertRefused(file, "is not a cache file");
    assertRefused(directory, "not a regular file");
    assertRefused(directory.resolve("missing"), "no such file");
  }

  /** Windows that differ from layer to layer make a long text. */
  @Test
  void longFields_areComparedWhole() {
    String windows = "4096, 0, ".repeat(200);
    ModelIdentity mine = new ModelIdentity("m", Map.of("sliding_window", windows), null, "w");
    ModelIdentity other = new ModelIdentity("m", Map.of("sliding_window", windows + "0"), null,
        "w");
    CacheHeader read = CacheHeader.parse(file, CacheHeader.of(mine, SHAPE, 5, true, 1).toJson());
    read.requireFits(file, mine, SHAPE);
    assertThrows(InputException.class, () -> read.requireFits(file, other, SHAPE));
  }

  @Test
  void fileOfAnotherModel_isRefusedByTheFieldThatDiffers() {
    write(file, 40, 0);
    try (CacheReader reader = CacheReader.open(file)) {
      Map<Stream<String>, ModelIdentity> others = Map.of(
          Stream.of("rope_theta", "10000.0", "500000.0"),
          new ModelIdentity("x", Map.of("rope_theta", "500000.0"), MODEL.tokenizer(),
              MODEL.weights()),
          Stream.of("weights", "bbbb", "cccc"),
          new ModelIdentity("x", MODEL.config(), MODEL.tokenizer(), "c".repeat(64)),
          Stream.of("tokenizer.json", "aaaa", "missing"),
          new ModelIdentity("x", MODEL.config(), null, MODEL.weights()));
      others.forEach((parts, other) -> {
        String message = String.valueOf(assertThrows(InputException.class,
            () -> reader.requireFits(other, SHAPE)).getMessage());
        parts.forEach(part -> assertTrue(message.contains(part), message));
        assertFalse(MODEL.isSame(other));
      });
      assertTrue(String.valueOf(assertThrows(InputException.class,
          () -> reader.requireFits(MODEL, new KvShape(3, 4, 2, 6, DType.F32))).getMessage())
          .contains("--kv-dtype bf16"));
    }
  }

  @Test
  void fileThatIsBeingWritten_isLeftAlone_andWhatAnUnfinishedOneLeftIsRemoved()
      throws IOException {
    write(file, 40, 1);
    byte before = read(file);
    Path part = directory.resolve("document.pkv.part");
    try (WriteBehind unfinished = new WriteBehind(file, header(3000), new int[3000])) {
      CacheChunk chunk = Objects.requireNonNull(unfinished.next(PATIENCE));
      fill(chunk, 2);
      unfinished.write(chunk);
      assertTrue(Files.exists(part));
      assertTrue(String.valueOf(assertThrows(InputException.class,
          () -> new WriteBehind(file, header(40), new int[40])).getMessage())
          .contains("somebody else"));
      assertEquals(before, read(file));
    }
    assertFalse(Files.exists(part));
    assertEquals(before, read(file));

    Files.write(part, new byte[1000]); // of a process that is no more
    write(file, 40, 2);
    assertNotEquals(before, read(file));
    assertFalse(Files.exists(part));
  }

  @Test
  void placeThatCannotBeWritten_isRefused() {
    assertTrue(String.valueOf(assertThrows(InputException.class,
        () -> write(directory.resolve("no/such/file"), 40, 0)).getMessage())
        .contains("directory does not exist"));
    assertTrue(String.valueOf(
        assertThrows(InputException.class, () -> write(directory, 40, 0)).getMessage())
        .contains("is a directory"));
    String room = String.valueOf(assertThrows(InputException.class,
        () -> CacheWriter.requireRoom(file, new KvShape(1000, 64, 64, 4096, DType.F32), 1 << 27))
        .getMessage());
    assertTrue(room.contains("needs") && room.contains("its disk has"), room);
  }

  /** Replaced by the rename that ends a save, a device would be missed by everybody else. */
  @Test
  void deviceOrSocket_isNotReplaced_andRefusedBeforeAnythingIsComputed() throws IOException {
    try (ServerSocketChannel socket = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      socket.bind(UnixDomainSocketAddress.of(file));
      for (Executable attempt : List.<Executable>of(() -> write(file, 40, 0),
          () -> CacheWriter.requireRoom(file, SHAPE, 40))) {
        assertTrue(String.valueOf(assertThrows(InputException.class, attempt).getMessage())
            .contains("not a regular file"));
      }
      assertFalse(Files.isRegularFile(file));
    }
  }
}
