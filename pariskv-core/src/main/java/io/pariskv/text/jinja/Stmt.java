package io.pariskv.text.jinja;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A statement of a template; {@code line} is where it stands, from 1. */
sealed interface Stmt {
  int line();

  record Text(String text, int line) implements Stmt {
  }

  record Output(Expr value, int line) implements Stmt {
  }

  /** The body of the first branch whose test holds; {@code otherwise} may be empty. */
  record If(List<Branch> branches, List<Stmt> otherwise, int line) implements Stmt {
    record Branch(Expr test, List<Stmt> body) {
    }
  }

  record For(Target target, Expr items, @Nullable Expr filter, List<Stmt> body,
      List<Stmt> otherwise,
      int line) implements Stmt {
  }

  record Set(Target target, Expr value, int line) implements Stmt {
  }

  /** {@code {% set x | filter %}...{% endset %}}; the filter reads {@link Scope#CAPTURED}. */
  record SetBlock(Target target, Expr value, List<Stmt> body, int line) implements Stmt {
  }

  /** {@code {% filter f %}...{% endfilter %}}; the filter reads {@link Scope#CAPTURED}. */
  record FilterBlock(Expr value, List<Stmt> body, int line) implements Stmt {
  }

  record MacroDefinition(String name, MacroBody macro, int line) implements Stmt {
  }

  /** {@code {% call(x) macro() %}...{% endcall %}}. */
  record CallBlock(Expr.Call call, MacroBody caller, int line) implements Stmt {
  }

  record With(List<Target> targets, List<Expr> values, List<Stmt> body, int line) implements Stmt {
  }

  /** {@code {% generation %}...{% endgeneration %}}: its body, in a scope of its own. */
  record Generation(List<Stmt> body, int line) implements Stmt {
  }

  /** {@code {% break %}} or {@code {% continue %}}. */
  record Jump(boolean isBreak, int line) implements Stmt {
  }

  /**
   * What a macro takes and prints.
   *
   * @param defaults one for each parameter; null where there is none
   * @param usesCaller whether the body names {@code caller}; so with {@code varargs} and {@code kwargs}
   */
  record MacroBody(List<String> parameters, List<@Nullable Expr> defaults, List<Stmt> body,
      boolean usesCaller,
      boolean usesVarargs, boolean usesKwargs) {
  }

  /** What a value is assigned to. */
  sealed interface Target {
    record Variable(String name) implements Target {
    }

    record NamespaceAttribute(String namespace, String attribute) implements Target {
    }

    record Unpack(List<Target> targets) implements Target {
    }
  }
}
