package io.pariskv.model.file;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.pariskv.error.InputException;
import io.pariskv.memory.DType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class SafetensorsTest {
  @TempDir
  Path directory;

  @Test
  void open_goodFile_givesViewsOfTheMappedBytes() {
    Path file = write(good().toBytes());
    try (Arena arena = Arena.ofShared()) {
      Safetensors tensors = Safetensors.open(file, arena);
      assertEquals(List.of("first", "second", "empty", "scalar"), List.copyOf(tensors.names()));
      TensorView second = tensors.tensor("second");
      assertEquals(DType.BF16, second.dtype());
      assertArrayEquals(new long[]{3, 5}, second.shape());
      assertEquals(15, second.elements());
      assertEquals(file, second.file());
      assertTrue(second.data().isMapped() && second.data().isReadOnly());
      assertEquals(24, second.data().get(ValueLayout.JAVA_BYTE, 0),
          "data follows the first tensor");
      assertEquals(0, tensors.tensor("empty").elements());
      assertArrayEquals(new long[0], tensors.tensor("scalar").shape());
      assertEquals(1, tensors.tensor("scalar").elements());
      assertNull(tensors.tensorOrNull("third"));
      refused(() -> tensors.tensor("third"), "\"third\"");
    }
  }

  @Test
  void shape_changedByTheCaller_leavesTheViewAlone() {
    try (Arena arena = Arena.ofConfined()) {
      TensorView view = Safetensors.open(write(good().toBytes()), arena).tensor("second");
      view.shape()[0] = 99;
      assertArrayEquals(new long[]{3, 5}, view.shape());
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 5, 7})
  void floatAt_dataAtAnyAlignment_readsLittleEndian(int padding) {
    ByteBuffer data = ByteBuffer.allocate(14).order(ByteOrder.LITTLE_ENDIAN);
    data.putFloat(1.5f).putFloat(-2.25f).putShort(Float.floatToFloat16(0.75f))
        .putShort((short) 0x3FC0).putShort((short) -7);
    String header = """
        {"f":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"h":{"dtype":"F16","shape":[1],"data_offsets":[8,10]},\
        "b":{"dtype":"BF16","shape":[1],"data_offsets":[10,12]},"u":{"dtype":"U8","shape":[2],"data_offsets":[12,14]}}"""
        + " ".repeat(padding);
    byte[] bytes = SafetensorsBytes.raw(header, 14);
    System.arraycopy(data.array(), 0, bytes, bytes.length - 14, 14);
    try (Arena arena = Arena.ofConfined()) {
      Safetensors tensors = Safetensors.open(write(bytes), arena);
      assertEquals(1.5f, tensors.tensor("f").floatAt(0));
      assertEquals(-2.25f, tensors.tensor("f").floatAt(1));
      assertEquals(0.75f, tensors.tensor("h").floatAt(0));
      assertEquals(1.5f, tensors.tensor("b").floatAt(0));
      assertThrows(IllegalStateException.class, () -> tensors.tensor("u").floatAt(0));
    }
  }

  @Test
  void tensor_typeThatCannotBeUsed_isListedButRefused() {
    SafetensorsBytes bytes = new SafetensorsBytes();
    for (SafetensorsType type : SafetensorsType.values()) {
      bytes.add(type.name(), type, 8, 3);
    }
    try (Arena arena = Arena.ofConfined()) {
      Safetensors tensors = Safetensors.open(write(bytes.toBytes()), arena);
      assertEquals(SafetensorsType.values().length, tensors.names().size());
      for (SafetensorsType type : SafetensorsType.values()) {
        if (type.dtype() == null) {
          refused(() -> tensors.tensor(type.name()), "dtype " + type.name(),
              "expected F32, F16 or BF16");
        } else {
          assertEquals(type.dtype(), tensors.tensor(type.name()).dtype());
        }
      }
    }
  }

  @Test
  void open_tensorsInAnyHeaderOrder_areAccepted() {
    parse("""
        {"b":{"dtype":"U8","shape":[2],"data_offsets":[3,5]},"__metadata__":{"format":"pt"},\
        "a":{"dtype":"U8","shape":[3],"data_offsets":[0,3],"note":{"x":[1]}}}  \n""", 5);
  }

  @Test
  void open_noTensors_isAccepted() {
    assertEquals(0, parse("{}", 0).entries().size());
  }

  @Test
  void open_whatIsNoFile_saysSo() throws IOException {
    refusedFile(directory, "is a directory");
    refusedFile(directory.resolve("absent"), "no such file");
    Path loop = directory.resolve("loop");
    Files.createSymbolicLink(loop, loop);
    refusedFile(loop, "cannot be read");
    refusedFile(Path.of("/dev/zero"), "is not a regular file");
  }

  @Test
  void open_gitLfsPointer_saysHowToGetTheFile() {
    String pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1"
        + "258daaa5e2ca24d17e2393\nsize 12345\n";
    refusedFile(write(pointer.getBytes(StandardCharsets.US_ASCII)), "Git LFS pointer",
        "git lfs pull");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 7})
  void open_shorterThanTheLength_namesBothNumbers(int size) {
    refusedFile(write(new byte[size]), "has " + size + " bytes", "at least 8");
  }

  @ParameterizedTest
  @CsvSource({"0,header length is 0", "1,header length is 1",
      "100000001,header length is 100000001",
      "9223372036854775807,expected 2 to 100000000", "-1,header length is 18446744073709551615",
      "99999999,more bytes; the download is incomplete"})
  void open_badHeaderLength_isRefused(long length, String expected) {
    refusedFile(
        write(SafetensorsBytes.withLength(length, "{}".getBytes(StandardCharsets.US_ASCII), 6)),
        expected);
  }

  @ParameterizedTest
  @ValueSource(strings = {"[]", " {}", "PK", "{", "{}x", "{}{}", "{\"a\":1}", "{\"a\":{}}",
      "{'a':1}", "{\"\u0001\":1}",
      "{\"__metadata__\":3}", "{\"__metadata__\":{\"a\":3}}", "{\"__metadata__\":{\"a\":{}}}",
      "{\"a\":null}"})
  void open_headerNotAsTheFormatSays_isRefused(String header) {
    refused(() -> parse(header, 0), "bad");
  }

  @Test
  void open_damagedTensor_namesItAndTheNumbers() {
    refusedHeader(h -> h.put("dtype", "F31"), "has dtype \"F31\"", "BF16");
    refusedHeader(h -> h.put("dtype", 3), "has dtype");
    refusedHeader(h -> h.remove("shape"), "lacks one of");
    refusedHeader(h -> h.putArray("shape").add(3).add(-5), "shape has -5");
    refusedHeader(h -> h.putArray("shape").add(3).add(5.0), "shape has 5.0");
    refusedHeader(h -> h.putArray("shape").add(3).add("5"), "shape has 5");
    refusedHeader(h -> h.putArray("shape").add(3).add(6), "cover 30 bytes, expected 36");
    refusedHeader(h -> h.putArray("shape").add(new BigInteger("9223372036854775808")),
        "shape has 922337");
    refusedHeader(h -> h.putArray("shape").add(1L << 40).add(1L << 40), "too large to address");
    refusedHeader(h -> h.putArray("shape").add(1L << 60), "too large to address");
    refusedHeader(h -> {
      for (int i = 0; i < 9; i++) {
        h.withArray("shape").insert(0, 1);
      }
    }, "more than 8 numbers");
    refusedHeader(h -> h.putArray("data_offsets").add(24), "lacks one of");
    refusedHeader(h -> h.putArray("data_offsets").add(54).add(24),
        "begin at 54, after their end at 24");
    refusedHeader(h -> h.putArray("data_offsets").add(-24).add(6), "data_offsets has -24");
    refusedHeader(h -> h.putArray("data_offsets").add(24).add(53), "cover 29 bytes, expected 30");
    refusedHeader(h -> h.putArray("data_offsets").add(1L << 62).add((1L << 62) + 30),
        "but the file has 58");
    refusedHeader(h -> h.putArray("data_offsets").add(20).add(50), "overlaps tensor \"first\"",
        "ends at 24");
    refusedHeader(h -> h.putArray("data_offsets").add(26).add(56), "expected 24");
  }

  @Test
  void open_packedTypeOfOddBits_isRefused() {
    refused(() -> parse("{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,1]}}", 1),
        "12 bits");
  }

  @Test
  void open_sameNameTwice_isRefused() {
    String tensor = "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}";
    refused(() -> parse("{" + tensor + "," + tensor + "}", 0), "Duplicate", "\"a\"");
  }

  @Test
  void open_deepNesting_isRefusedWithoutOverflow() {
    refused(() -> parse("{\"a\":{\"x\":" + "[".repeat(100_000), 0), "depth");
  }

  @Test
  void open_moreTensorsThanTheLimit_isRefused() {
    StringBuilder header = new StringBuilder("{");
    for (int i = 0; i <= SafetensorsHeader.MAX_TENSORS; i++) {
      header.append(i == 0 ? "\"" : ",\"").append(i);
      header.append("\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
    }
    refused(() -> parse(header + "}", 0), "more than 200000 tensors");
  }

  @Test
  void open_truncatedOrLengthenedData_namesBothSizes() {
    byte[] bytes = good().toBytes();
    refusedFile(write(Arrays.copyOf(bytes, bytes.length - 1)), "the file has 57",
        "download it again");
    refusedFile(write(Arrays.copyOf(bytes, bytes.length + 3)), "end at byte 58", "the file has 61");
  }

  @Test
  void open_nameWithLineBreak_isShownOnOneLine() {
    InputException e = refused(() -> parse("{\"a\\nb\\u0007" + "c".repeat(500) + "\":3}", 0),
        "a?b?c");
    assertTrue(e.getMessage() != null && e.getMessage().length() < 300);
  }

  @Test
  void parse_randomDamage_onlyInputExceptionEscapes() {
    byte[] bytes = good().toBytes();
    int header = bytes.length - good().dataBytes();
    Mutations.run(bytes, 0, header, 10_000, 7, 4 << 20,
        bad -> SafetensorsHeader.parse(Path.of("bad"), MemorySegment.ofArray(bad)));
  }

  private static SafetensorsBytes good() {
    return new SafetensorsBytes().add("first", SafetensorsType.F32, 2, 3)
        .add("second", SafetensorsType.BF16, 3, 5)
        .add("empty", SafetensorsType.F16, 4, 0, 2).add("scalar", SafetensorsType.F32);
  }

  private static SafetensorsHeader parse(String header, int dataBytes) {
    return SafetensorsHeader.parse(Path.of("bad"),
        MemorySegment.ofArray(SafetensorsBytes.raw(header, dataBytes)));
  }

  private static void refusedHeader(Consumer<ObjectNode> damage, String... expected) {
    ObjectNode header = good().header();
    damage.accept((ObjectNode) header.get("second"));
    InputException e = refused(
        () -> parse(JsonMapper.shared().writeValueAsString(header), good().dataBytes()), expected);
    assertTrue(String.valueOf(e.getMessage()).startsWith("bad: tensor \"second\""), e::getMessage);
  }

  private static void refusedFile(Path file, String... expected) {
    try (Arena arena = Arena.ofConfined()) {
      InputException e = refused(() -> Safetensors.open(file, arena), expected);
      assertTrue(String.valueOf(e.getMessage()).startsWith(file + ": "), e::getMessage);
    }
  }

  private static InputException refused(Runnable action, String... expected) {
    return Refusals.refused(action, expected);
  }

  private Path write(byte[] bytes) {
    try {
      return Files.write(directory.resolve("model.safetensors"), bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
