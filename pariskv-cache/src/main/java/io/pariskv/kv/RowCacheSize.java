package io.pariskv.kv;

import io.pariskv.error.InputException;
import org.jspecify.annotations.Nullable;

/**
 * How many of the rows that decode steps select a GPU keeps beside K and V in host memory, for each KV head of each
 * layer that sees everything: rows that were selected before need no way over the bus. A row is a key and its
 * value. K and V where the stages work, and methods that select nothing, have no such cache, whatever is asked
 * for.
 *
 * @param rows 0 for none, null for as many as pay: twice what a step selects, or as many as a backend can have, from {@link
 *     #WORTHWHILE} on
 */
public record RowCacheSize(@Nullable Integer rows) {
  /** A cache that pays, or none. */
  public static final RowCacheSize AUTO = new RowCacheSize(null);

  /** No cache. */
  public static final RowCacheSize OFF = new RowCacheSize(0);

  /** Most rows of a KV head; a backend may have fewer. */
  public static final int MOST = 16_384;

  /** Selected keys from which a cache pays: what fewer rows take is latency, which it does not shorten. */
  public static final int WORTHWHILE = 512;

  /** Checks the number. */
  public RowCacheSize {
    if (rows != null && (rows < 0 || rows > MOST)) {
      throw new InputException("row-cache " + rows + " must be from 0 to " + MOST);
    }
  }

  /**
   * What a user wrote: {@code auto}, {@code off} or a number of rows.
   *
   * @throws InputException if it is something else, or too many
   */
  public static RowCacheSize parse(String text) {
    return switch (text) {
      case "auto" -> AUTO;
      case "off" -> OFF;
      default -> new RowCacheSize(number(text));
    };
  }

  private static int number(String text) {
    try {
      return Integer.parseInt(text);
    } catch (NumberFormatException e) {
      throw new InputException("row-cache '" + text + "' must be auto, off or a number of rows", e);
    }
  }

  /**
   * Rows that a KV head gets.
   *
   * @param selected most keys that a step selects, 0 for a method that selects none
   * @param most rows that the backend can have, at most {@link #MOST}
   * @throws InputException if so few were asked for that one step's keys do not fit, or more than the backend can have
   */
  public int rows(KvPlacement placement, int selected, int most) {
    if (rows == null) {
      boolean pays = selected >= WORTHWHILE && selected <= most;
      return placement == KvPlacement.HOST && pays ? Math.min(2 * selected, most) : 0;
    }
    if (selected > 0 && rows > 0 && rows < selected) {
      throw new InputException("row-cache " + rows + " is less than the " + selected
          + " keys that a step selects; give at least as many, auto or off");
    }
    int needed = placement == KvPlacement.HOST && selected > 0 ? rows : 0;
    if (needed > most) {
      throw new InputException("row-cache " + rows + " is more than the " + most
          + " rows that this GPU's shared memory can look up; give "
          + (selected <= most ? "at most as many, auto or off" : "off"));
    }
    return needed;
  }

  /** As {@link #parse} reads it. */
  @Override
  public String toString() {
    return rows == null ? "auto" : rows == 0 ? "off" : rows.toString();
  }
}
