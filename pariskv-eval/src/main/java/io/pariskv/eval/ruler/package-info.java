/**
 * RULER (Hsieh et al., 2024): thirteen synthetic tasks made to a length, as NVIDIA's repository defines them.
 * Names, parameters, wording, search for the size and scoring are its own; the random streams are not, so
 * samples are not the same bytes. A {@link io.pariskv.eval.ruler.Recipe} makes drafts of a size, {@link
 * io.pariskv.eval.ruler.RulerTask} finds the size that fills the length, {@link
 * io.pariskv.eval.ruler.RulerData} holds texts and words.
 */
@NullMarked
package io.pariskv.eval.ruler;

import org.jspecify.annotations.NullMarked;
