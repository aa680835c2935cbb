package io.pariskv.backend.cuda;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The way between a GPU and the host's memory, which bounds what offloaded K and V cost.
 *
 * @param transfers billions of transfers a second of a lane
 * @param width lanes
 */
record PciLink(String transfers, int width) {
  private static final Path DEVICES = Path.of("/sys/bus/pci/devices");
  private static final Pattern SPEED = Pattern.compile("(\\d+(?:\\.\\d+)?) GT/s.*");
  private static final Pattern WIDTH = Pattern.compile("[1-9]\\d?");

  /** One line about the device of an id such as {@code 0000:1B:00.0}: the id alone where Linux does not say more. */
  static String describe(String id) {
    return describe(DEVICES, id);
  }

  /** With a directory of its own. */
  static String describe(Path devices, String id) {
    Path device = devices.resolve(id.toLowerCase(Locale.ROOT));
    Optional<PciLink> now = read(device, "current");
    Optional<PciLink> most = read(device, "max").or(() -> now);
    return now.map(link -> id + ", " + link
        + (now.equals(most) ? "" : " now, " + most.get() + " at most")).orElse(id);
  }

  private static Optional<PciLink> read(Path device, String which) {
    Matcher speed = SPEED.matcher(line(device.resolve(which + "_link_speed")));
    String width = line(device.resolve(which + "_link_width"));
    return speed.matches() && WIDTH.matcher(width).matches()
        ? Optional.of(new PciLink(speed.group(1), Integer.parseInt(width)))
        : Optional.empty(); // such as "Unknown", in a virtual machine
  }

  private static String line(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      return ""; // not Linux, or a container that hides it
    }
  }

  /** Such as {@code PCIe 5.0 x16}. */
  @Override
  public String toString() {
    String generation = switch (transfers) {
      case "2.5" -> "1.0";
      case "5", "5.0" -> "2.0";
      case "8", "8.0" -> "3.0";
      case "16", "16.0" -> "4.0";
      case "32", "32.0" -> "5.0";
      case "64", "64.0" -> "6.0";
      default -> "at " + transfers + " GT/s";
    };
    return "PCIe " + generation + " x" + width;
  }
}
