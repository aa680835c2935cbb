package io.pariskv.text;

import io.pariskv.error.InputException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What renders chat templates: a Jinja implementation, or a stand-in in tests. */
@FunctionalInterface
public interface TemplateEngine {
  /**
   * Reads a template.
   *
   * @param name   for messages
   * @param source the text of the template
   * @throws InputException if the source is not a template
   */
  Template parse(String name, String source);

  /** A parsed template. Thread-safe. */
  @FunctionalInterface
  interface Template {
    /**
     * The template's text for these variables.
     *
     * @param variables strings, booleans, numbers, null, and lists and maps of these, by name
     * @throws InputException if the template refuses them
     */
    String render(Map<String, ? extends @Nullable Object> variables);
  }
}
