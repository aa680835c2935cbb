package io.pariskv.eval.ruler;

import io.pariskv.eval.data.DataFile;
import io.pariskv.eval.data.JsonData;
import io.pariskv.eval.data.JsonItem;
import io.pariskv.eval.data.TaskData;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.Stream;

/**
 * The words of needles and of common words: the lists of wonderwords and {@code english_words.json} where the
 * user has them, else our own.
 *
 * @param source of nouns and adjectives
 * @param all nouns, adjectives and verbs
 * @param many a longer list, for when they are not enough
 */
record Words(String source, List<String> nouns, List<String> adjectives, WordList all,
    WordList many) {

  static Words of(TaskData files) {
    Words own = own();
    Optional<Path> found = files.find("nounlist.txt");
    Words lists = found.isEmpty() ? own : wonderwords(files);
    WordList many = files.find("english_words.json").map(Words::english).orElse(own.many());
    return new Words(lists.source(), lists.nouns(), lists.adjectives(), lists.all(), many);
  }

  private static Words wonderwords(TaskData files) {
    String reader = "a word list of wonderwords (nounlist.txt, adjectivelist.txt, verblist.txt)";
    List<String> nouns = DataFile.words(files.require(reader, "nounlist.txt"));
    List<String> adjectives = DataFile.words(files.require(reader, "adjectivelist.txt"));
    List<String> verbs = DataFile.words(files.require(reader, "verblist.txt"));
    return of("wonderwords", nouns, adjectives, verbs);
  }

  private static Words own() {
    Words own = of(RulerData.OWN, RulerData.ownWords("nouns.txt"),
        RulerData.ownWords("adjectives.txt"), RulerData.ownWords("verbs.txt"));
    // Closed compounds of short words, such as "ambermill": enough for a million tokens.
    List<String> compounds = different(own.adjectives().stream()
        .filter(adjective -> adjective.length() <= 5)
        .flatMap(adjective -> own.nouns().stream().filter(noun -> noun.length() <= 6)
            .map(noun -> adjective + noun))
        .toList());
    return new Words(own.source(), own.nouns(), own.adjectives(), own.all(),
        new WordList(RulerData.OWN, compounds));
  }

  private static Words of(String source, List<String> nouns, List<String> adjectives,
      List<String> verbs) {
    List<String> different = different(nouns);
    List<String> all = different(
        Stream.of(nouns, adjectives, verbs).flatMap(List::stream).toList());
    return new Words(source, different, different(adjectives), new WordList(source, all),
        new WordList(source, List.of()));
  }

  /** {@code english_words.json}: a list of words, or an object whose values are the words. */
  private static WordList english(Path file) {
    List<String> words = JsonData.value(file).values().stream().map(JsonItem::asText).toList();
    return new WordList(String.valueOf(file.getFileName()), different(words));
  }

  private static List<String> different(Collection<String> words) {
    return List.copyOf(new TreeSet<>(words));
  }

  /** An adjective and a noun, each pair as likely. */
  String pair(Random random) {
    return adjectives.get(random.nextInt(adjectives.size())) + "-"
        + nouns.get(random.nextInt(nouns.size()));
  }

  /** How many pairs there are. */
  long pairs() {
    return (long) adjectives.size() * nouns.size();
  }

  /** The shorter list that has so many words. */
  WordList atLeast(int count) {
    return count <= all.words().size() ? all : many;
  }

  /** The length of the longer list. */
  int most() {
    return Math.max(all.words().size(), many.words().size());
  }
}
