package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.memory.Buffer;
import io.pariskv.memory.DType;
import io.pariskv.testing.Seeded;
import io.pariskv.testing.Seeds;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Uploads through a ring far smaller than what goes through it; the fake GPU copies as late as it may. */
@Seeded
class StagingRingTest {
  private static final int SEGMENT = 256;

  private final FakeCuda fake = new FakeCuda();
  private final CudaContext context = fake.context();
  private final CudaStream stream = CudaStream.open(context);
  private final StagingRing ring = StagingRing.open(stream, SEGMENT);
  private final DeviceAllocator memory = new DeviceAllocator(stream);

  @AfterEach
  void nothingLeaks() {
    context.close();
    assertEquals("", fake.device().leaks());
    fake.close();
  }

  @Test
  void uploadsOfAnySize_arrive_thoughTheirSourceIsReusedAtOnce() {
    RandomGenerator random = Seeds.random("staging");
    byte[] expected = new byte[40_000];
    Buffer target = memory.allocate(DType.U8, expected.length);
    int[] sizes = {0, 1, 3, 63, 64, 65, 255, 256, 257, 1_023, 1_024, 1_025, 4_099};
    for (int at = 0; at < expected.length;) {
      int size = Math.min(sizes[random.nextInt(sizes.length)], expected.length - at);
      byte[] piece = new byte[size];
      random.nextBytes(piece);
      System.arraycopy(piece, 0, expected, at, size);
      ring.upload(MemorySegment.ofArray(piece), target.address() + at);
      Arrays.fill(piece, (byte) 77);
      at += size;
    }

    byte[] back = new byte[expected.length]; // many times the ring
    ring.download(target.address(), MemorySegment.ofArray(back));

    assertArrayEquals(expected, back);
  }

  @Test
  void smallUploads_waitForNothing_untilTheRingComesRound() {
    Buffer target = memory.allocate(DType.U8, 4);
    fake.forget();

    for (int i = 0; i < 4 * SEGMENT / 64; i++) { // each takes a cache line
      ring.upload(MemorySegment.ofArray(new byte[]{1, 2, 3, (byte) i}), target.address());
    }
    assertEquals(3, fake.count("cuEventRecord"));
    assertEquals(0, fake.count("cuStreamSynchronize"));
    ring.upload(MemorySegment.ofArray(new byte[]{1, 2, 3, 99}), target.address());
    assertEquals(4, fake.count("cuEventRecord")); // and waited for the first segment to be read

    byte[] back = new byte[4];
    ring.download(target.address(), MemorySegment.ofArray(back));
    assertArrayEquals(new byte[]{1, 2, 3, 99}, back);
  }

  @Test
  void aDownload_leavesUploadsBeforeAndAfterItWhole() {
    Buffer a = memory.allocate(DType.U8, 700);
    Buffer b = memory.allocate(DType.U8, 700);
    byte[] ones = new byte[700];
    byte[] twos = new byte[700];
    Arrays.fill(ones, (byte) 1);
    Arrays.fill(twos, (byte) 2);
    byte[] back = new byte[700];

    ring.upload(MemorySegment.ofArray(ones), a.address());
    ring.download(b.address(), MemorySegment.ofArray(back));
    assertArrayEquals(new byte[700], back);
    ring.upload(MemorySegment.ofArray(twos), b.address());
    ring.download(a.address(), MemorySegment.ofArray(back));
    assertArrayEquals(ones, back);
    ring.download(b.address(), MemorySegment.ofArray(back));
    assertArrayEquals(twos, back);
  }

  @Test
  void aDownloadOfNothing_stillWaits() {
    fake.forget();
    ring.download(0, MemorySegment.ofArray(new byte[0]));

    assertEquals(1, fake.count("cuStreamSynchronize"));
  }

  @Test
  void openingHalfWay_leavesNothing() {
    for (int events = 0; events < 4; events++) {
      int before = context.openResources().size();
      fake.fail("cuEventCreate", 2, events, 1);

      assertThrows(CudaException.class, () -> StagingRing.open(stream, SEGMENT));

      assertEquals(before, context.openResources().size());
    }
    fake.fail("cuMemHostAlloc", 2);
    assertThrows(CudaException.class, () -> StagingRing.open(stream, SEGMENT));
    assertEquals(4, fake.count("cuMemFreeHost"));
  }
}
