package io.pariskv.constrain;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/*
 * A token may follow if the automaton can read its bytes. Most of them never leave the rule they begin in (a string), and need not
 * know who called it: what may follow at a place is found once, with nothing below it, together with the nodes of the tree of tokens
 * where the rule ends. Only what is below those is walked for each stack. The idea is that of XGrammar (Dong et al., 2024); since ways
 * are independent of each other, it is right for any set of places.
 */

/** Which tokens may not follow, by state. Cached. One thread at a time. */
final class TokenMasks {
  private static final int MAX_MASKS = 128;
  private static final int MAX_INSIDES = 256;

  private final Vocabulary vocabulary;
  private final Automaton automaton;
  private final TreeWalk walk;
  private final Map<State, int[]> masks = cache(MAX_MASKS);
  private final Map<Node, Inside> insides = cache(MAX_INSIDES);
  private int generation;

  TokenMasks(Vocabulary vocabulary, Automaton automaton) {
    this.vocabulary = vocabulary;
    this.automaton = automaton;
    this.walk = new TreeWalk(vocabulary, automaton);
  }

  /** {@code [ceil(size / 32)]} the bits of the tokens that may not follow. Not to be changed. */
  int[] forbidden(State state) {
    if (generation != state.generation) {
      generation = state.generation;
      masks.clear();
    }
    return get(masks, state, this::find);
  }

  private int[] find(State state) {
    int[] bits = new int[(vocabulary.size + 31) >> 5];
    allow(state, bits);
    if (state.complete) {
      for (int end : vocabulary.ends) {
        bits[end >> 5] |= 1 << end;
      }
    }
    for (int i = 0; i < bits.length; i++) {
      bits[i] = ~bits[i];
    }
    if ((vocabulary.size & 31) != 0) {
      bits[bits.length - 1] &= (1 << vocabulary.size) - 1;
    }
    return bits;
  }

  private void allow(State state, int[] bits) {
    walk.restart();
    List<Inside> found = new ArrayList<>();
    for (int i = 0; i < state.nodes.length && !walk.exhausted(); i++) {
      Node rule = state.stacks[i].run();
      Inside inside = get(insides, state.nodes[i],
          place -> rule == null ? walk.plain(place) : walk.run(place, rule));
      walk.add(inside.work());
      found.add(inside);
    }
    for (int i = 0; i < found.size() && !walk.exhausted(); i++) {
      switch (found.get(i)) {
        case Inside.Plain plain -> plain(plain, state.stacks[i], bits);
        case Inside.Run run -> run(run, state.stacks[i], bits);
      }
    }
    if (walk.exhausted()) {
      singles(state, bits);
    }
  }

  private void plain(Inside.Plain inside, Stack stack, int[] bits) {
    inside.allow(bits);
    State after = automaton.after(stack);
    if (after.nodes.length > 0) {
      for (int node : inside.leaving()) {
        walk.below(node, after, bits);
      }
    }
  }

  private void run(Inside.Run inside, Stack stack, int[] bits) {
    int more = 0;
    for (int i = 0; i < stack.size(); i++) {
      more = Math.max(more, stack.calls[i].max - stack.counts[i]);
    }
    inside.allow(more, bits);
    Map<Integer, State> after = new HashMap<>();
    for (int i = 0; i < inside.exits().length; i++) {
      State state = after.computeIfAbsent(inside.ended()[i],
          ended -> automaton.afterRun(stack, ended));
      walk.from(inside.exits()[i], state, bits);
    }
  }

  /** What could not be found in time can still be written, byte by byte: no place reads what leads nowhere. */
  private void singles(State state, int[] bits) {
    for (Node place : state.nodes) {
      for (Node.Edge edge : place.edges) {
        vocabulary.markSingle(edge.from(), edge.to(), bits);
      }
    }
  }

  /* Not computeIfAbsent, which must not be used again by what it calls. */
  private static <K, V> V get(Map<K, V> cache, K key, Function<K, V> find) {
    V value = cache.get(key);
    if (value == null) {
      value = find.apply(key);
      cache.put(key, value);
    }
    return value;
  }

  private static <K, V> Map<K, V> cache(int most) {
    return new LinkedHashMap<>(16, 0.75f, true) {
      @Override
      protected boolean removeEldestEntry(Map.Entry<K, V> eldest) {
        return size() > most;
      }
    };
  }
}
