/** How well retrieval finds the keys that matter: a program to run, not a test. */
@NullMarked
package io.pariskv.app.quality;

import org.jspecify.annotations.NullMarked;
