package io.pariskv.memory;

import io.pariskv.error.NotEnoughMemoryException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
   * @param place where
   */
  public record Part(String name, long bytes, MemoryPlace place) {
  }

  private final MemoryPlace work;
  private final List<Part> parts;

  private MemoryPlan(MemoryPlace work, List<Part> parts) {
    this.work = work;
    this.parts = List.copyOf(parts);
  }

  /** An empty plan for stages that work in host memory. */
  public static MemoryPlan empty() {
    return in(MemoryPlace.HOST);
  }

  /** An empty plan for stages that work in {@code work}. */
  public static MemoryPlan in(MemoryPlace work) {
    return new MemoryPlan(work, List.of());
  }

  /** This plan with a part where the stages work. */
  public MemoryPlan with(String name, long bytes) {
    return with(name, bytes, work);
  }

  /** This plan with a part elsewhere. */
  public MemoryPlan with(String name, long bytes, MemoryPlace place) {
    List<Part> more = new ArrayList<>(parts);
    more.add(new Part(name, bytes, place));
    return new MemoryPlan(work, more);
  }

  /** Where the stages work. */
  public MemoryPlace work() {
    return work;
  }

  /** The parts in the order they were added. */
  public List<Part> parts() {
    return parts;
  }

  /** Bytes of all parts. */
  public long totalBytes() {
    return parts.stream().mapToLong(Part::bytes).sum();
  }

  /** Bytes of the parts in {@code place}. */
  public long bytes(MemoryPlace place) {
    return parts.stream().filter(part -> part.place == place).mapToLong(Part::bytes).sum();
  }

  /** Bytes of host memory that must be allocated, pinned or not; mapped files left out. */
  public long hostBytes() {
    return bytes(MemoryPlace.HOST) + bytes(MemoryPlace.PINNED);
  }

  /** Bytes that must be allocated, mapped files left out. */
  public long allocatedBytes() {
    return hostBytes() + bytes(MemoryPlace.GPU);
  }

  /** Whether the plan can be met, and leaves free what it must. */
  public boolean fits(AvailableMemory available) {
    return hostBytes() <= available.hostForPlans()
        && bytes(MemoryPlace.GPU) <= available.gpuForPlans();
  }

  /**
   * Refuses a plan that cannot be met.
   *
   * @param available what can be allocated
   * @param wayOut what the user can do, such as {@code "lower --context"}
   * @throws NotEnoughMemoryException naming what is short, the parts, the sum, what there is, what of it must stay free
   *     and the way out
   */
  public void requireFits(AvailableMemory available, String wayOut) {
    require("GPU memory", bytes(MemoryPlace.GPU), available.gpuBytes(), available.gpuRoom(),
        wayOut);
    require(work == MemoryPlace.GPU ? "host memory" : "memory", hostBytes(),
        available.hostBytes(), available.hostRoom(), wayOut);
  }

  private void require(String what, long needed, long available, long room, String wayOut) {
    if (needed > Math.max(0, available - room)) {
      throw new NotEnoughMemoryException(String.format(Locale.ROOT,
          "not enough %s: %s needed, %s available%s (%s); %s", what, humanBytes(needed),
          humanBytes(available),
          room == 0 ? "" : ", of which " + humanBytes(room) + " must stay free", this, wayOut));
    }
  }

  /** Such as {@code weights 22.9 MiB mapped, K and V 96.0 MiB}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    for (Part part : parts) {
      text.append(text.isEmpty() ? "" : ", ").append(part.name).append(' ')
          .append(humanBytes(part.bytes))
          .append(part.place == MemoryPlace.HOST ? "" : " " + part.place);
    }
    return text.toString();
  }

  /** A line for each place, such as {@code GPU 16.2 GiB: weights 15.0 GiB, K and V 1.2 GiB}; parts of no bytes are left out. */
  public List<String> lines() {
    return Stream.of(MemoryPlace.values()).filter(place -> bytes(place) > 0)
        .map(place -> place + " " + humanBytes(bytes(place)) + ": "
            + parts.stream().filter(part -> part.place == place && part.bytes > 0)
                .map(part -> part.name + " " + humanBytes(part.bytes))
                .collect(Collectors.joining(", ")))
        .toList();
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
