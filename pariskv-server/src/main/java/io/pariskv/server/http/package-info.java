/**
 * HTTP as this server speaks it, on the JDK's own server and virtual threads: routes, keys, limits, JSON that is read with
 * bounds, replies that are written bit by bit, and one line of log a request. It knows nothing of models.
 */
@NullMarked
package io.pariskv.server.http;

import org.jspecify.annotations.NullMarked;
