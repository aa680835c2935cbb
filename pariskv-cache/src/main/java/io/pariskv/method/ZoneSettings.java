package io.pariskv.method;

import io.pariskv.error.InputException;
import io.pariskv.kv.TokenZones;

/**
 * The zones that ParisKV has, for methods that are compared with it: {@code [ sink | retrieval zone | local window |
 * update buffer ]}.
 *
 * @param sink tokens at the start that every step attends
 * @param local tokens of the local window
 * @param updateInterval tokens the update buffer takes before the window slides
 * @param denseBelow contexts shorter than this are attended whole
 */
public record ZoneSettings(int sink, int local, int updateInterval, int denseBelow)
    implements
      Zoning {

  /** Checks the settings; the message names the setting as the command line does, and both numbers. */
  public ZoneSettings {
    requireAtLeast("sink", sink, 0);
    requireAtLeast("local", local, 1);
    requireAtLeast("update-interval", updateInterval, 1);
    requireAtLeast("dense-below", denseBelow, 0);
  }

  /** Refuses a setting that is too small, named as the command line names it. */
  static void requireAtLeast(String name, int value, int least) {
    if (value < least) {
      throw new InputException(name + " " + value + " must be at least " + least);
    }
  }

  /** Those of ParisKV's published runs: sink 64, local window 256, update interval 512, dense below 2,000. */
  public static ZoneSettings matched() {
    return new ZoneSettings(64, 256, 512, 2_000);
  }

  /** At the end of every chunk of a prompt, then whenever the update buffer is full. */
  @Override
  public TokenZones slide(TokenZones zones, boolean prefill) {
    if (zones.length() < denseBelow) {
      return zones;
    }
    boolean first = zones.retrievalTokens() == 0;
    boolean full = zones.length() - zones.recentStart() >= (long) local + updateInterval;
    return first || prefill || full ? TokenZones.of(zones.length(), sink, local) : zones;
  }
}
