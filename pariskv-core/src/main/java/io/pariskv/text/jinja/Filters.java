package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Markup;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** The filters by name. */
final class Filters {

  /** What {@code value | name(arguments)} gives. */
  interface Filter {
    Value apply(Value input, Arguments arguments, Budget budget);
  }

  private static final Map<String, Filter> FILTERS = new HashMap<>();
  /** What may follow {@code escape} and {@code safe}: their result is printed, not computed with. */
  private static final Set<String> OF_MARKUP = Set.of("safe", "string");

  static {
    FILTERS.putAll(TextFilters.FILTERS);
    FILTERS.putAll(NumberFilters.FILTERS);
    FILTERS.putAll(SequenceFilters.FILTERS);
    FILTERS.putAll(SelectionFilters.FILTERS);
  }

  private Filters() {
  }

  static boolean exists(String name) {
    return FILTERS.containsKey(name);
  }

  static Value apply(String name, Value input, Arguments arguments, Budget budget) {
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw unknown(name);
    }
    if (input instanceof Markup m && OF_MARKUP.contains(name)) {
      return m;
    }
    if (input instanceof Markup) {
      throw new Problem("the filter '" + name
          + "' after 'escape' or 'safe' is not supported; put it before them");
    }
    return filter.apply(input, arguments, budget);
  }

  static Problem unknown(String name) {
    return new Problem("the filter '" + name + "' does not exist or is not supported");
  }
}
