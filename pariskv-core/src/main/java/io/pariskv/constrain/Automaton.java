package io.pariskv.constrain;

import java.lang.ref.WeakReference;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.WeakHashMap;
import org.jspecify.annotations.Nullable;

/*
 * A pushdown automaton that follows all its ways at once. Places that are reached in several ways are one place with all their
 * stacks (a graph-structured stack: Tomita, 1986), so ambiguous forms cost no more the deeper they nest. Left recursion has been
 * refused before, so going on without reading ends.
 */

/** Reads the bytes of answers of one form. States and stacks are remembered, so what recurs costs a look-up. One thread at a time. */
@SuppressWarnings("ReferenceEquality") // equal stacks are one object
final class Automaton {
  /** A state costs about 1 KiB once bytes were read from it. */
  private static final int MAX_STATES = 4096;
  /** Deeper stacks are not looked through for what they share; that costs memory only. */
  private static final int MAX_UNION_DEPTH = 1000;

  private final Map<Stack, WeakReference<Stack>> stacks = new WeakHashMap<>();
  private final Map<State, State> states = new HashMap<>();
  private int generation;

  /** Before the first byte of a rule. */
  State start(Node rule) {
    Closure closure = new Closure();
    closure.add(rule, Stack.BOTTOM);
    return closure.state();
  }

  /** At a place that reads, with nothing below it. */
  State at(Node place) {
    return intern(new State(new Node[]{place}, new Stack[]{Stack.BOTTOM}, false, generation));
  }

  /** After the rules that stack is the end of. */
  State after(Stack stack) {
    Closure closure = new Closure();
    closure.pop(stack);
    return closure.state();
  }

  /** After so many repetitions of the rule on top have ended, with as many as there may be. */
  State afterRun(Stack stack, int ended) {
    Closure closure = new Closure();
    for (int i = 0; i < stack.size(); i++) {
      Node call = stack.calls[i];
      int count = stack.counts[i] + ended - 1;
      if (count >= call.min && count <= call.max) {
        closure.add(call.after(), stack.below[i]);
      }
    }
    return closure.state();
  }

  /** After a byte, as 0 to 255. */
  State next(State state, int b) {
    @Nullable
    State[] known = state.next;
    if (known == null) {
      known = new State[256];
      state.next = known;
    }
    State next = known[b];
    if (next == null) {
      next = read(state, b);
      known[b] = next;
    }
    return next;
  }

  /** The same state in the present memory. To be called with states kept over several calls. */
  State current(State state) {
    if (states.size() > MAX_STATES) {
      states.clear();
      generation++;
    }
    return state.generation == generation
        ? state
        : intern(new State(state.nodes, state.stacks, state.complete, generation));
  }

  private State read(State state, int b) {
    Closure closure = new Closure();
    for (int i = 0; i < state.nodes.length; i++) {
      for (Node.Edge edge : state.nodes[i].edges) {
        if (b >= edge.from() && b <= edge.to()) {
          closure.add(edge.target(), state.stacks[i]);
        }
      }
    }
    return closure.state();
  }

  /** What can be reached without reading. */
  private final class Closure {
    private final Map<Node, Stack> reached = new TreeMap<>();
    private final ArrayDeque<Node> changed = new ArrayDeque<>();
    private boolean complete;

    void add(Node node, Stack stack) {
      Stack before = reached.get(node);
      Stack all = before == null ? stack : union(before, stack, 0);
      if (all != before) {
        reached.put(node, all);
        changed.add(node);
      }
    }

    /** The rule ends: on with those who called it. */
    void pop(Stack stack) {
      complete |= stack.bottom;
      for (int i = 0; i < stack.size(); i++) {
        Node call = stack.calls[i];
        if (stack.counts[i] >= call.min) {
          add(call.after(), stack.below[i]);
        }
      }
      repeat(stack);
    }

    /** Those callers that may call once more do: all of one rule together, since one by one takes time with the square of them. */
    private void repeat(Stack stack) {
      int i = 0;
      while (i < stack.size()) {
        Node rule = stack.calls[i].body();
        Frames frames = new Frames(stack.size() - i);
        for (; i < stack.size() && stack.calls[i].body() == rule; i++) {
          Node call = stack.calls[i];
          int count = stack.counts[i];
          if (count < call.max) {
            // Without an upper limit all counts from the lower one on are alike.
            frames.add(call, call.max == Node.UNLIMITED
                ? Math.min(count + 1, Math.max(1, call.min))
                : count + 1, stack.below[i]);
          }
        }
        if (frames.size > 0) {
          add(rule, intern(frames.stack(false)));
        }
      }
    }

    State state() {
      while (!changed.isEmpty()) {
        Node node = changed.remove();
        Stack stack = reached.get(node);
        if (stack != null) {
          follow(node, stack);
        }
      }
      Node[] nodes = reached.keySet().stream().filter(node -> !node.edges.isEmpty())
          .toArray(Node[]::new);
      Stack[] under = Arrays.stream(nodes).map(reached::get).toArray(Stack[]::new);
      return intern(new State(nodes, under, complete, generation));
    }

    private void follow(Node node, Stack stack) {
      if (node.end) {
        pop(stack);
      }
      for (Node other : node.epsilons) {
        add(other, stack);
      }
      if (node.body != null) {
        add(node.body(), node.isTailCall()
            ? stack
            : intern(new Stack(false, new Node[]{node}, new int[]{1}, new Stack[]{stack})));
        if (node.min == 0) {
          add(node.after(), stack);
        }
      }
    }
  }

  private Stack union(Stack a, Stack b, int depth) {
    if (a == b) {
      return a;
    }
    Frames frames = new Frames(a.size() + b.size());
    int i = 0;
    int j = 0;
    while (i < a.size() || j < b.size()) {
      int order = i == a.size() ? 1 : j == b.size() ? -1 : compare(a, i, b, j);
      if (order == 0 && depth < MAX_UNION_DEPTH) {
        frames.add(a.calls[i], a.counts[i], union(a.below[i], b.below[j], depth + 1));
        i++;
        j++;
      } else if (order <= 0) {
        frames.add(a.calls[i], a.counts[i], a.below[i]);
        i++;
      } else {
        frames.add(b.calls[j], b.counts[j], b.below[j]);
        j++;
      }
    }
    return intern(frames.stack(a.bottom || b.bottom));
  }

  /** The frames of a stack in the making, in order. */
  private static final class Frames {
    private final Node[] calls;
    private final int[] counts;
    private final Stack[] below;
    private int size;

    Frames(int most) {
      calls = new Node[most];
      counts = new int[most];
      below = new Stack[most];
    }

    void add(Node call, int count, Stack under) {
      for (int i = size - 1; i >= 0 && calls[i] == call && counts[i] == count; i--) {
        if (below[i] == under) {
          return;
        }
      }
      calls[size] = call;
      counts[size] = count;
      below[size++] = under;
    }

    Stack stack(boolean bottom) {
      return new Stack(bottom, Arrays.copyOf(calls, size), Arrays.copyOf(counts, size),
          Arrays.copyOf(below, size));
    }
  }

  private static int compare(Stack a, int i, Stack b, int j) {
    int order = a.calls[i].compareTo(b.calls[j]);
    return order != 0 ? order : Integer.compare(a.counts[i], b.counts[j]);
  }

  private Stack intern(Stack stack) {
    WeakReference<Stack> known = stacks.get(stack);
    Stack same = known == null ? null : known.get();
    if (same != null) {
      return same;
    }
    stacks.put(stack, new WeakReference<>(stack));
    return stack;
  }

  private State intern(State state) {
    State same = states.putIfAbsent(state, state);
    return same == null ? state : same;
  }
}
