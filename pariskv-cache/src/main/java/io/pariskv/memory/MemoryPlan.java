package io.pariskv.memory;

import io.pariskv.error.InputException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * What a model and a context will take, part by part, computed before the first allocation.
 *
 * <p>Immutable. Bytes are those asked for; the runtime and the operating system add their own.
 */
public final class MemoryPlan {

  /**
   * One part of a plan.
   *
   * @param name what takes the memory, such as {@code "K and V"}
   * @param bytes how much
   * @param mapped whether it is a mapped file, which the system may drop and read again
   */
  public record Part(String name, long bytes, boolean mapped) {
  }

  private final List<Part> parts;

  private MemoryPlan(List<Part> parts) {
    this.parts = List.copyOf(parts);
  }

  /** An empty plan. */
  public static MemoryPlan empty() {
    return new MemoryPlan(List.of());
  }

  /** This plan with a part of allocated memory. */
  public MemoryPlan with(String name, long bytes) {
    return with(new Part(name, bytes, false));
  }

  /** This plan with a part of mapped file. */
  public MemoryPlan withMapped(String name, long bytes) {
    return with(new Part(name, bytes, true));
  }

  private MemoryPlan with(Part part) {
    List<Part> more = new ArrayList<>(parts);
    more.add(part);
    return new MemoryPlan(more);
  }

  /** The parts in the order they were added. */
  public List<Part> parts() {
    return parts;
  }

  /** Bytes of all parts. */
  public long totalBytes() {
    return parts.stream().mapToLong(Part::bytes).sum();
  }

  /** Bytes of the parts that must be allocated, mapped files left out. */
  public long allocatedBytes() {
    return parts.stream().filter(part -> !part.mapped).mapToLong(Part::bytes).sum();
  }

  /**
   * Refuses a plan that cannot be met.
   *
   * @param available bytes that can be allocated
   * @param wayOut what the user can do, such as {@code "lower --context"}
   * @throws InputException naming the parts, the sum, what there is and the way out
   */
  public void requireFits(long available, String wayOut) {
    if (allocatedBytes() > available) {
      throw new InputException(String.format(Locale.ROOT,
          "not enough memory: %s needed, %s available (%s); %s",
          humanBytes(allocatedBytes()), humanBytes(available), this, wayOut));
    }
  }

  /** Such as {@code weights 22.9 MiB mapped, K and V 96.0 MiB}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      text.append(text.isEmpty() ? "" : ", ").append(part.name).append(' ')
          .append(humanBytes(part.bytes)).append(part.mapped ? " mapped" : "");
    }
    return text.toString();
  }

  /** Bytes in binary units with one decimal, such as {@code 1.5 GiB}. */
  public static String humanBytes(long bytes) {
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int unit = 0;
    double value = bytes;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return unit == 0 ? bytes + " B" : String.format(Locale.ROOT, "%.1f %s", value, units[unit]);
  }
}
