package io.pariskv.text.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The variable {@code loop} of one for loop, which is also what drives it.
 *
 * <p>Items are taken one by one, and one ahead only when {@code loop.last} or {@code loop.nextitem} asks:
 * the filter of a loop may depend on what its body does.
 */
final class LoopState implements Value {
  private final Budget budget;
  private Iterator<Value> items;
  private long length;
  private long index0 = -1;
  private @Nullable Value before;
  private @Nullable Value current;
  private @Nullable Value after;
  private @Nullable Value lastChanged;

  /** A loop over {@code items}; {@code length} is -1 if not known in advance. */
  LoopState(Iterator<Value> items, long length, Budget budget) {
    this.items = items;
    this.length = length;
    this.budget = budget;
  }

  /** Advances; null at the end. */
  @Nullable
  Value next() {
    Value next = peek();
    after = null;
    if (next != null) {
      index0++;
      before = current;
      current = next;
    }
    return next;
  }

  private @Nullable Value peek() {
    if (after == null && items.hasNext()) {
      after = items.next();
    }
    return after;
  }

  long length() {
    if (length < 0) {
      List<Value> rest = new ArrayList<>();
      while (items.hasNext()) {
        budget.newValues(1);
        rest.add(items.next());
      }
      items = rest.iterator();
      length = rest.size() + index0 + 1 + (after == null ? 0 : 1);
    }
    return length;
  }

  Value attribute(String name) {
    return switch (name) {
      case "index" -> new Int(index0 + 1);
      case "index0" -> new Int(index0);
      case "first" -> Value.Bool.of(index0 == 0);
      case "last" -> Value.Bool.of(peek() == null);
      case "length" -> new Int(length());
      case "revindex" -> new Int(length() - index0);
      case "revindex0" -> new Int(length() - index0 - 1);
      case "depth" -> new Int(1);
      case "depth0" -> new Int(0);
      case "previtem" ->
        index0 == 0 || before == null ? new Undefined("there is no previous item") : before;
      case "nextitem" -> {
        Value next = peek();
        yield next == null ? new Undefined("there is no next item") : next;
      }
      case "cycle" -> new Function("loop.cycle", this::cycle);
      case "changed" -> new Function("loop.changed", this::changed);
      default -> new Undefined("'loop' has no attribute '" + name + "'");
    };
  }

  private Value cycle(Arguments arguments) {
    List<Value> values = arguments.positional();
    if (values.isEmpty() || !arguments.named().isEmpty()) {
      throw new Problem("loop.cycle needs the values to cycle through");
    }
    return values.get((int) (index0 % values.size()));
  }

  private Value changed(Arguments arguments) {
    if (!arguments.named().isEmpty()) {
      throw new Problem("loop.changed takes no named arguments");
    }
    Value values = budget.sequence(Seq.Kind.TUPLE, arguments.positional());
    boolean changed = lastChanged == null || !Operators.equal(lastChanged, values, budget);
    lastChanged = values;
    return Value.Bool.of(changed);
  }
}
