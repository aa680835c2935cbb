package io.pariskv.generate;

import io.pariskv.backend.Backends;

/**
 * What is known of a model before the first of its weights is loaded.
 *
 * @param choice the backend, and those that cannot be used
 * @param memory what it will take
 */
public record LoadingPlan(Backends.Choice choice, ModelPlan memory) {
}
