package io.pariskv.text.jinja;

import io.pariskv.text.jinja.Arguments.Bound;
import io.pariskv.text.jinja.Filters.Filter;
import io.pariskv.text.jinja.Value.Dict;
import io.pariskv.text.jinja.Value.Int;
import io.pariskv.text.jinja.Value.Iter;
import io.pariskv.text.jinja.Value.Seq;
import io.pariskv.text.jinja.Value.Str;
import io.pariskv.text.jinja.Value.Undefined;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Filters over the elements of a sequence, a dict's keys or a string's characters. */
final class SequenceFilters {
  static final Map<String, Filter> FILTERS = Map.ofEntries(
      Map.entry("length", SequenceFilters::length),
      Map.entry("count", SequenceFilters::length), Map.entry("first", SequenceFilters::first),
      Map.entry("last", SequenceFilters::last), Map.entry("join", SequenceFilters::join),
      Map.entry("list", (in, args, budget) -> {
        args.bind("list", 0);
        return budget.list(List.copyOf(Operators.items(in, budget)));
      }), Map.entry("default", SequenceFilters::fallback),
      Map.entry("d", SequenceFilters::fallback),
      Map.entry("reverse", SequenceFilters::reverse), Map.entry("items", SequenceFilters::items),
      Map.entry("dictsort", SequenceFilters::dictSort), Map.entry("sort", SequenceFilters::sort),
      Map.entry("unique", SequenceFilters::unique),
      Map.entry("min", (in, args, budget) -> extreme("min", in, args, budget)),
      Map.entry("max", (in, args, budget) -> extreme("max", in, args, budget)),
      Map.entry("sum", SequenceFilters::sum),
      Map.entry("batch", SequenceFilters::batch));

  private SequenceFilters() {
  }

  private static Value length(Value input, Arguments arguments, Budget budget) {
    arguments.bind("length", 0);
    return new Int(Operators.length(input, budget));
  }

  private static Value first(Value input, Arguments arguments, Budget budget) {
    arguments.bind("first", 0);
    Iterator<Value> items = Operators.iterate(input, budget);
    return items.hasNext() ? items.next() : new Undefined("no first item, the sequence was empty");
  }

  private static Value last(Value input, Arguments arguments, Budget budget) {
    arguments.bind("last", 0);
    if (input instanceof Iter) {
      throw new Problem("a generator cannot be read from its end; put '|list' before '|last'");
    }
    List<Value> items = Operators.items(input, budget);
    return items.isEmpty()
        ? new Undefined("no last item, the sequence was empty")
        : items.getLast();
  }

  private static Value join(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("join", 0, "d", "attribute");
    AttributePath path = AttributePath.of(args.orNull(1), "join");
    String separator = Printer.str(args.get(0, new Str("")), budget);
    BoundedText out = new BoundedText(budget);
    boolean first = true;
    for (Value item : Operators.items(input, budget)) {
      out.append(first ? "" : separator);
      Printer.str(path.read(item, budget), out);
      first = false;
    }
    return out.finish();
  }

  private static Value fallback(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("default", 0, "default_value", "boolean");
    boolean absent = input instanceof Undefined || (args.flag(1) && !Operators.truthy(input));
    return absent ? args.get(0, new Str("")) : input;
  }

  private static Value reverse(Value input, Arguments arguments, Budget budget) {
    arguments.bind("reverse", 0);
    if (input instanceof Str s) {
      return Attributes.slice(s, Value.None.NONE, Value.None.NONE, new Int(-1), budget);
    }
    List<Value> reversed = List.copyOf(Operators.items(input, budget).reversed());
    return input instanceof Iter ? budget.list(reversed) : new Iter(reversed);
  }

  private static Value items(Value input, Arguments arguments, Budget budget) {
    arguments.bind("items", 0);
    return switch (input) {
      case Undefined u -> new Iter(List.of());
      case Dict d -> new Iter(CollectionMethods.pairs(d, budget));
      default -> throw new Problem("the filter 'items' needs a dict, but got " + input.typeName());
    };
  }

  private static Value dictSort(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
    String by = args.has(1) ? args.text(1) : "key";
    if (!by.equals("key") && !by.equals("value")) {
      throw new Problem("dictsort sorts by 'key' or 'value', but got " + PythonText.quote(by));
    }
    if (!(input instanceof Dict d)) {
      throw input instanceof Undefined u
          ? u.problem()
          : new Problem("the filter 'dictsort' needs a dict, but got " + input.typeName());
    }
    boolean caseSensitive = args.flag(0);
    List<Keyed> pairs = new ArrayList<>();
    for (Value pair : CollectionMethods.pairs(d, budget)) {
      Value key = ((Seq) pair).items().get(by.equals("key") ? 0 : 1);
      pairs.add(new Keyed(caseSensitive ? key : ignoreCase(key, budget), pair));
    }
    return budget.list(sorted(pairs, args.flag(2), budget));
  }

  private record Keyed(Value key, Value item) {
  }

  private static List<Value> sorted(List<Keyed> items, boolean reverse, Budget budget) {
    Ordering.sort(items, Keyed::key, reverse, budget);
    List<Value> sorted = new ArrayList<>(items.size());
    items.forEach(k -> sorted.add(k.item()));
    return sorted;
  }

  private static Value ignoreCase(Value value, Budget budget) {
    return value instanceof Str s ? budget.text(PythonText.lower(s.text())) : value;
  }

  private static Value sort(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
    boolean caseSensitive = args.flag(1);
    List<AttributePath> paths = AttributePath.several(args.orNull(2), "sort");
    List<Keyed> items = new ArrayList<>();
    for (Value item : Operators.items(input, budget)) {
      List<Value> key = new ArrayList<>();
      for (AttributePath path : paths) {
        Value part = path.read(item, budget);
        key.add(caseSensitive ? part : ignoreCase(part, budget));
      }
      budget.newValues(1);
      items.add(new Keyed(budget.list(key), item));
    }
    return budget.list(sorted(items, args.flag(0), budget));
  }

  private static Value unique(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("unique", 0, "case_sensitive", "attribute");
    AttributePath path = AttributePath.of(args.orNull(1), "unique");
    Map<Value, Value> seen = new LinkedHashMap<>();
    for (Value item : Operators.items(input, budget)) {
      Value key = path.read(item, budget);
      budget.newValues(1);
      seen.putIfAbsent(Operators.key(args.flag(0) ? key : ignoreCase(key, budget)), item);
    }
    return new Iter(List.copyOf(seen.values()));
  }

  private static Value extreme(String name, Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind(name, 0, "case_sensitive", "attribute");
    AttributePath path = AttributePath.of(args.orNull(1), name);
    Value best = new Undefined("no aggregated item, the sequence was empty");
    Value bestKey = null;
    for (Value item : Operators.items(input, budget)) {
      Value part = path.read(item, budget);
      Value key = args.flag(0) ? part : ignoreCase(part, budget);
      if (bestKey == null
          || Operators.ordered(name.equals("min") ? "<" : ">", key, bestKey, budget)) {
        best = item;
        bestKey = key;
      }
    }
    return best;
  }

  private static Value sum(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("sum", 0, "attribute", "start");
    AttributePath path = AttributePath.of(args.orNull(0), "sum");
    Value sum = args.get(1, new Int(0));
    if (sum instanceof Str) {
      throw new Problem("sum cannot add strings; use the filter 'join'");
    }
    for (Value item : Operators.items(input, budget)) {
      sum = Arithmetic.binary("+", sum, path.read(item, budget), budget);
    }
    return sum;
  }

  private static Value batch(Value input, Arguments arguments, Budget budget) {
    Bound args = arguments.bind("batch", 1, "linecount", "fill_with");
    long size = args.integer(0, 0);
    if (size < 1) {
      throw new Problem("the filter 'batch' needs at least 1 item a batch, but got " + size);
    }
    Value fill = args.orNull(1);
    List<Value> items = Operators.items(input, budget);
    List<Value> batches = new ArrayList<>();
    for (long from = 0; from < items.size(); from += size) {
      List<Value> batch = new ArrayList<>(
          items.subList((int) from, (int) Math.min(from + size, items.size())));
      if (fill != null && batch.size() < size) {
        budget.steps(size - batch.size());
        while (batch.size() < size) {
          batch.add(fill);
        }
      }
      budget.newValues(1);
      batches.add(budget.list(batch));
    }
    return new Iter(batches);
  }
}
