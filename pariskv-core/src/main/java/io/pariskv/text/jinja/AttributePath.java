package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Str;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The {@code attribute} of a filter, such as {@code 'function.name'} or {@code 0}: subscripts to take one by one. */
record AttributePath(List<Value> keys) {

  static AttributePath of(@Nullable Value attribute, String filter) {
    return switch (attribute) {
      case null -> new AttributePath(List.of());
      case Str s -> of(s.text());
      case Int i -> new AttributePath(List.of(i));
      default -> throw new Problem(
          "the attribute of the filter '" + filter + "' must be a string or an integer, but is "
              + attribute.typeName());
    };
  }

  private static AttributePath of(String path) {
    List<Value> keys = new ArrayList<>();
    for (String part : path.split("\\.", -1)) {
      boolean digits = !part.isEmpty() && part.length() < 10
          && part.chars().allMatch(c -> c >= '0' && c <= '9');
      keys.add(digits ? new Int(Integer.parseInt(part)) : new Str(part));
    }
    return new AttributePath(keys);
  }

  /** {@code sort} takes several attributes, {@code 'a,b'}. */
  static List<AttributePath> several(@Nullable Value attribute, String filter) {
    if (!(attribute instanceof Str s)) {
      return List.of(of(attribute, filter));
    }
    List<AttributePath> paths = new ArrayList<>();
    for (String path : s.text().split(",", -1)) {
      paths.add(of(path));
    }
    return paths;
  }

  Value read(Value item, Budget budget) {
    return read(item, null, budget);
  }

  /** As above; what is missing on the way, or at its end, becomes {@code fallback} unless that is null. */
  Value read(Value item, @Nullable Value fallback, Budget budget) {
    Value value = item;
    for (Value key : keys) {
      budget.steps(1);
      value = Attributes.item(value, key, budget);
      value = value instanceof Value.Undefined && fallback != null ? fallback : value;
    }
    return value;
  }
}
