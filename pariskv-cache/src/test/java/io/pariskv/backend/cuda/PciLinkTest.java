package io.pariskv.backend.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Linux says of a GPU's link, in files as it writes them. */
class PciLinkTest {
  private static final String ID = "0000:1B:00.0";

  @TempDir
  private Path devices;

  private void write(String which, String speed, String width) throws IOException {
    Path device = Files.createDirectories(devices.resolve("0000:1b:00.0"));
    Files.writeString(device.resolve(which + "_link_speed"), speed + "\n");
    Files.writeString(device.resolve(which + "_link_width"), width + "\n");
  }

  private void assertSays(String line) {
    assertEquals(line, PciLink.describe(devices, ID));
  }

  @Test
  void linkAtItsBest_isNamedByGenerationAndWidth() throws IOException {
    write("current", "32.0 GT/s PCIe", "16");
    assertSays("0000:1B:00.0, PCIe 5.0 x16");
    write("max", "32.0 GT/s PCIe", "16");
    assertSays("0000:1B:00.0, PCIe 5.0 x16");
  }

  @Test
  void linkThatIsSlowNow_saysWhatItCanDo() throws IOException {
    write("current", "2.5 GT/s PCIe", "8");
    write("max", "16.0 GT/s PCIe", "16");
    assertSays("0000:1B:00.0, PCIe 1.0 x8 now, PCIe 4.0 x16 at most");
  }

  @Test
  void whatCannotBeRead_leavesTheIdAlone() throws IOException {
    assertSays(ID);
    write("current", "Unknown", "255");
    assertSays(ID);
    write("current", "16.0 GT/s PCIe", "0");
    assertSays(ID);
    write("current", "128.0 GT/s PCIe", "4");
    assertSays("0000:1B:00.0, PCIe at 128.0 GT/s x4");
  }
}
