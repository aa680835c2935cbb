package io.pariskv.langchain4j.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Repeatable;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.util.Arrays;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Inherited tests that are not run, and why: the reason is printed and stands in the report. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@Repeatable(Skipped.All.class)
@ExtendWith(Skipped.Condition.class)
public @interface Skipped {
  /** Names of the tests. */
  String[] tests();

  /** Why. */
  String because();

  /** Whether {@code ./dev long} runs them. */
  boolean untilLong() default false;

  /** Several reasons. */
  @Target(ElementType.TYPE)
  @Retention(RetentionPolicy.RUNTIME)
  @ExtendWith(Skipped.Condition.class)
  @interface All {
    /** Each. */
    Skipped[] value();
  }

  /** Reads the annotations. */
  final class Condition implements ExecutionCondition {
    /** For JUnit. */
    public Condition() {
    }

    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      String test = context.getTestMethod().map(method -> method.getName()).orElse("");
      for (Skipped skipped : context.getRequiredTestClass().getAnnotationsByType(Skipped.class)) {
        if (Arrays.asList(skipped.tests()).contains(test)
            && !(skipped.untilLong() && Boolean.getBoolean("pariskv.long"))) {
          System.out.println(context.getRequiredTestClass().getSimpleName() + "." + test
              + " is not run: " + skipped.because());
          return ConditionEvaluationResult.disabled(skipped.because());
        }
      }
      return ConditionEvaluationResult.enabled("it can be run");
    }
  }
}
