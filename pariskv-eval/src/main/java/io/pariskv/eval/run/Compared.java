package io.pariskv.eval.run;

import java.util.Comparator;
import java.util.List;
import java.util.Map;

/**
 * What is compared at one length.
 *
 * @param methods full attention first, so that the others can be compared with it
 * @param refused by label, why some methods that were asked for cannot be
 */
public record Compared(List<MethodChoice> methods, Map<String, String> refused) {

  /** Puts full attention first. */
  public Compared {
    methods = methods.stream().sorted(Comparator.comparing(each -> !each.isReference())).toList();
    refused = Map.copyOf(refused);
  }
}
