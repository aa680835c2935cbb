package io.pariskv.method;

import io.pariskv.kv.TokenZones;

/**
 * When and how far the zones of a sequence slide. A retrieval zone only grows: a key that is in it stays, until the
 * sequence is cut. Pure and immutable.
 */
@FunctionalInterface
interface Zoning {
  /**
   * The zones after tokens were appended.
   *
   * @param zones the zones with the new tokens behind the recent ones
   * @param prefill whether they came from a prompt
   */
  TokenZones slide(TokenZones zones, boolean prefill);
}
