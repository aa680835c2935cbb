/** What people can see of a server while it works: the page, what it holds and does, and what a running answer attends. */
@NullMarked
package io.pariskv.server.live;

import org.jspecify.annotations.NullMarked;
