/**
 * Evaluation of attention methods: tasks make samples and grade answers, a runner puts them to a model
 * through each method, a report shows what came out. Tasks know neither models nor methods.
 */
@NullMarked
package io.pariskv.eval;

import org.jspecify.annotations.NullMarked;
