/** What is counted, and its text for Prometheus. Names are those of vLLM behind another prefix, so that its dashboards fit. */
@NullMarked
package io.pariskv.server.metrics;

import org.jspecify.annotations.NullMarked;
