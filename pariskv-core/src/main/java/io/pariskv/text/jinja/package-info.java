/**
 * Chat templates: a small Jinja that prints what Hugging Face transformers prints.
 *
 * <p>{@link io.pariskv.text.jinja.JinjaTemplate} is the entry. Source text goes through {@code Lexer}
 * and the two parsers to a tree ({@code Stmt}, {@code Expr}), which {@code Interpreter} and
 * {@code Evaluator} walk over {@code Value}s that follow Python's semantics.
 *
 * <p>The reference is jinja2 3.1 in the environment transformers builds: the immutable sandbox,
 * {@code trim_blocks}, {@code lstrip_blocks}, loop controls, {@code {% generation %}}, a
 * {@code tojson} that is {@code json.dumps(ensure_ascii=False)}, {@code raise_exception} and
 * {@code strftime_now}. What is not supported is refused by name and line, never printed differently.
 *
 * <p>A template comes with a model and is not trusted, and a message is data that is never read as a
 * template. Names reach only maps and the listed methods (no reflection), and every loop, string and
 * recursion is bounded by {@link io.pariskv.text.jinja.JinjaLimits}.
 */
@NullMarked
package io.pariskv.text.jinja;

import org.jspecify.annotations.NullMarked;
