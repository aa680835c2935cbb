package io.pariskv.text;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.pariskv.error.InputException;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class StopStringsTest {

  @Test
  void stopOverSeveralPieces_isCutOut_andTheRestIsDropped() {
    StopStrings stops = new StopStrings(List.of("<|end|>"));
    assertEquals("Hi", stops.push("Hi<|"));
    assertEquals("", stops.push("en"));
    assertEquals("", stops.push("d|> more"));
    assertEquals("<|end|>", stops.found());
    assertEquals("", stops.push("and more") + stops.finish());
  }

  @Test
  void beginningThatComesToNothing_isLetThroughAtOnce() {
    StopStrings stops = new StopStrings(List.of("stop"));
    assertEquals("", stops.push("st"));
    assertEquals("stx", stops.push("xst").substring(0, 3));
    assertEquals("", stops.push("o"));
    assertEquals("sto", stops.finish());
    assertNull(stops.found());
  }

  @Test
  void overlappingBeginning_isFound() {
    StopStrings stops = new StopStrings(List.of("aab"));
    assertEquals("a", stops.push("aaa"));
    assertEquals("", stops.push("b"));
    assertEquals("aab", stops.found());
  }

  @Test
  void severalStops_theFirstComplete_andOfThoseTheLongest() {
    StopStrings first = new StopStrings(List.of("abcd", "c"));
    assertEquals("ab", first.push("abcd"));
    assertEquals("c", first.found());
    StopStrings longest = new StopStrings(List.of("c", "abc", "bc"));
    assertEquals("x", longest.push("xabc"));
    assertEquals("abc", longest.found());
  }

  @Test
  void noStops_letEverythingThrough() {
    StopStrings stops = new StopStrings(List.of());
    assertEquals("text", stops.push("text"));
    assertEquals("", stops.finish());
  }

  @Test
  void emptyStop_isRefused() {
    assertThrows(InputException.class, () -> new StopStrings(List.of("a", "")));
  }

  @Test
  void randomTexts_agreeWithSearchingTheWholeTextAtEachCharacter() {
    long seed = 3;
    Random random = new Random(seed);
    for (int round = 0; round < 5000; round++) {
      String text = random(random, 30);
      List<String> stops = Stream.generate(() -> random(random, 5)).limit(random.nextInt(4))
          .toList();
      String message = "seed " + seed + ", round " + round + ": " + text + " " + stops;
      StopStrings stream = new StopStrings(stops);
      StringBuilder out = new StringBuilder();
      for (int i = 0; i < text.length();) {
        int end = Math.min(text.length(), i + random.nextInt(4));
        out.append(stream.push(text.substring(i, end)));
        i = end;
        Naive naive = naive(text.substring(0, i), stops);
        assertEquals(naive.found, stream.found(), message);
        assertEquals(naive.released, out.toString(), message);
      }
      Naive naive = naive(text, stops);
      assertEquals(naive.found != null ? naive.released : text, out + stream.finish(), message);
    }
  }

  private record Naive(String released, @org.jspecify.annotations.Nullable String found) {
  }

  private static Naive naive(String text, List<String> stops) {
    for (int end = 1; end <= text.length(); end++) {
      String prefix = text.substring(0, end);
      String longest = stops.stream().filter(prefix::endsWith)
          .reduce((a, b) -> b.length() > a.length() ? b : a).orElse(null);
      if (longest != null) {
        return new Naive(prefix.substring(0, end - longest.length()), longest);
      }
    }
    for (int start = 0; start < text.length(); start++) {
      String suffix = text.substring(start);
      if (stops.stream().anyMatch(stop -> stop.startsWith(suffix))) {
        return new Naive(text.substring(0, start), null);
      }
    }
    return new Naive(text, null);
  }

  private static String random(Random random, int maxLength) {
    return random.ints(1 + random.nextInt(maxLength), 'a', 'c')
        .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
        .toString();
  }
}
