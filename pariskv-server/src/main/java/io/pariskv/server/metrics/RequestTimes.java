package io.pariskv.server.metrics;

/**
 * How long the parts of a request took, in seconds; NaN for parts it did not come to.
 *
 * @param queued from its arrival to the start of prefill
 * @param prefill from there to the first token
 * @param firstToken from its arrival to the first token
 * @param decode from the first token to the last
 * @param whole from its arrival to its end
 */
public record RequestTimes(double queued, double prefill, double firstToken, double decode,
    double whole) {
}
