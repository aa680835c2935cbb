package io.pariskv.constrain;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/*
 * A token may follow if the automaton can read its bytes. Most of them never leave the rule they begin in (a string), and need not
 * know who called it: what may follow at a place is found once, with nothing below it ("inside"), together with the nodes of the
 * tree of tokens where the rule ends. Only what is below those is walked for each stack. The idea is that of XGrammar (Dong et al.,
 * 2024); since ways are independent of each other, it is right for any set of places.
 */

/** Which tokens may not follow, by state. Cached. One thread at a time. */
final class TokenMasks {
  private static final int MAX_MASKS = 128;
  private static final int MAX_INSIDES = 512;

  private final Vocabulary vocabulary;
  private final Automaton automaton;
  private final Map<State, int[]> masks = cache(MAX_MASKS);
  private final Map<Spot, Inside> insides = cache(MAX_INSIDES);
  private final State[] path;
  private int generation;

  TokenMasks(Vocabulary vocabulary, Automaton automaton) {
    this.vocabulary = vocabulary;
    this.automaton = automaton;
    this.path = new State[vocabulary.longest + 1];
  }

  /** A place in a rule that reads, by itself or as one repetition of a call. */
  private record Spot(Node node, @Nullable Node call, int count) {
  }

  /**
   * What may follow at a place without leaving it.
   *
   * @param tokens which tokens, as bits
   * @param leaving the nodes of the tree of tokens at which it may be left
   */
  private record Inside(int[] tokens, int[] leaving) {
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
    for (int i = 0; i < state.nodes.length; i++) {
      Node node = state.nodes[i];
      Stack stack = state.stacks[i];
      boolean plain = stack.bottom;
      for (int k = 0; k < stack.size(); k++) {
        Node call = stack.calls[k];
        if (call.max == 1) {
          plain = true;
        } else {
          add(new Spot(node, call, alike(call, stack.counts[k])), stack.below[k], bits);
        }
      }
      if (plain) {
        add(new Spot(node, null, 0), stack, bits);
      }
    }
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

  /** The least count from which a token can read no more and no fewer than from this one: a repetition has at least a byte. */
  private int alike(Node call, int count) {
    if (count >= call.min) {
      return call.max - count >= vocabulary.longest ? Math.max(1, call.min) : count;
    }
    return call.min - count >= vocabulary.longest ? 1 : count;
  }

  private void add(Spot spot, Stack below, int[] bits) {
    Inside inside = get(insides, spot, this::inside);
    for (int i = 0; i < bits.length; i++) {
      bits[i] |= inside.tokens[i];
    }
    State after = automaton.after(below);
    if (after.nodes.length > 0) {
      for (int node : inside.leaving) {
        walk(node, after, bits);
      }
    }
  }

  private Inside inside(Spot spot) {
    int[] bits = new int[(vocabulary.size + 31) >> 5];
    Stack stack = spot.call == null
        ? Stack.BOTTOM
        : automaton.push(spot.call, spot.count, Stack.BOTTOM);
    int[] leaving = walk(0, automaton.at(spot.node, stack), bits);
    return new Inside(bits, leaving);
  }

  /** Sets the bits of the tokens below a node of their tree whose bytes can be read; gives the nodes where the form is complete. */
  private int[] walk(int root, State state, int[] bits) {
    int[] complete = new int[8];
    int count = 0;
    int above = vocabulary.depth(root) + 1;
    path[0] = state;
    int node = root + 1;
    int end = vocabulary.end(root);
    while (node < end) {
      int depth = vocabulary.depth(node) - above;
      State next = automaton.next(path[depth], vocabulary.label(node));
      if (next.dead()) {
        node = vocabulary.end(node);
        continue;
      }
      path[depth + 1] = next;
      vocabulary.mark(node, bits);
      if (next.complete) {
        complete = count < complete.length ? complete : Arrays.copyOf(complete, 2 * count);
        complete[count++] = node;
      }
      node++;
    }
    return Arrays.copyOf(complete, count);
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
