package io.pariskv.model.file;

/**
 * One size that a tensor must have, and where in {@code config.json} it comes from.
 *
 * @param field the field, or the product of fields, as {@code config.json} spells them
 * @param size  its value
 */
public record Dimension(String field, long size) {
}
