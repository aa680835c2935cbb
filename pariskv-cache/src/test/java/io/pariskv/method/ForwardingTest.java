package io.pariskv.method;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What is added to a contract with a default must be forwarded too; nothing else would notice. */
class ForwardingTest {
  static Stream<Method> forwarded() {
    return Stream.concat(Stream.of(MethodState.class.getDeclaredMethods()),
        Stream.of(AttentionMethod.class.getDeclaredMethods()))
        .filter(method -> !Modifier.isStatic(method.getModifiers()) && !method.isSynthetic())
        .filter(method -> !method.getName().equals("open")); // what a forwarding method is for
  }

  @ParameterizedTest
  @MethodSource("forwarded")
  void everyMethodOfTheContract_isForwarded(Method method) throws NoSuchMethodException {
    Class<?> forwarding = method.getDeclaringClass() == MethodState.class
        ? ForwardingState.class
        : ForwardingMethod.class;

    assertEquals(forwarding,
        forwarding.getMethod(method.getName(), method.getParameterTypes()).getDeclaringClass());
  }
}
