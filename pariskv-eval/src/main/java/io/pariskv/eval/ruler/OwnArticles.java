package io.pariskv.eval.ruler;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Our own documents with questions: towns that do not exist, their founders and their towers. No model can
 * know them, so an answer is read from the text or it is luck. The same on every machine.
 */
final class OwnArticles {
  private static final int TOWNS = 2_500;
  private static final int GIVEN_DOCUMENTS = 10;
  private static final long SEED = 20260302;

  private static final List<String> STARTS = List.of("Bel", "Cor", "Dra", "El", "Fen", "Gar", "Hol",
      "Ist", "Jor", "Kel", "Lum", "Mar", "Nor", "Ol", "Pel", "Quin", "Ros", "Sel", "Tam", "Ul",
      "Ver", "Wes", "Yar", "Zel");
  private static final List<String> MIDDLES = List.of("a", "ai", "e", "ea", "i", "ia", "o", "oa",
      "u", "y");
  private static final List<String> LINKS = List.of("d", "l", "m", "n", "r", "s", "v");
  private static final List<String> TOWN_ENDS = List.of("bury", "dale", "field", "ford", "haven",
      "holm", "mere", "mouth", "stead", "ton", "vale", "wick");
  private static final List<String> NAME_ENDS = List.of("bert", "dine", "fred", "gard", "lin",
      "mar", "nell", "rick", "sa", "tia", "vane", "win");
  private static final List<String> TRADES = List.of("a baker", "a clockmaker", "a ferryman",
      "a glassblower", "a lawyer", "a miller", "a physician", "a printer", "a schoolteacher",
      "a shipwright", "a surveyor", "a weaver");
  private static final List<String> GOODS = List.of("blue glass", "brass bells", "cider",
      "fishing nets", "goat cheese", "lace", "linen", "paper", "pottery", "roof slate", "saffron",
      "salt", "violins", "walnut oil");
  private static final List<String> FEASTS = List.of("a boat race", "a kite contest",
      "a lantern walk", "a night of open kitchens", "a parade of wagons", "a singing contest");
  private static final List<String> MONTHS = List.of("January", "February", "March", "April", "May",
      "June", "July", "August", "September", "October", "November", "December");

  private final Random random = new Random(SEED);
  private final Set<String> names = new HashSet<>();

  private OwnArticles() {
  }

  private record Person(String name, int born, String birthplace, String trade) {

    String article() {
      return name + "\n" + name + " was born in " + born + " in " + birthplace
          + ". Before turning to public affairs, " + name + " worked as " + trade
          + ". Letters from those years speak of long winters, small rooms and a stubborn love of maps.";
    }
  }

  private record Town(String name, int founded, Person founder, Person architect, int meters,
      String goods, String feast, String month) {

    String history() {
      return name + " was founded in " + founded + " by " + founder.name()
          + ", who had been promised the land on both sides of the ford. For its first decades it was little more than"
          + " a row of sheds and a landing, and twice the river took the landing away.";
    }

    String trade() {
      return "The best known product of " + name + " is " + goods
          + ", which is sold at the market by the lower bridge. Older trades have nearly gone, although a few workshops"
          + " behind the church still take apprentices.";
    }

    String tower() {
      return "The tower of " + name + " was designed by " + architect.name() + " and is " + meters
          + " meters high. It was meant as a lookout for fires; today it holds a small collection of instruments and"
          + " a bell that is rung on market days.";
    }

    String custom() {
      return "Each " + month + " the people of " + name + " hold " + feast
          + ". Visitors come from the whole valley, and the ferries run until midnight.";
    }

    String article() {
      return name + "\n" + history() + " " + tower();
    }
  }

  /** A town's four paragraphs are the documents of its questions, each of which one of them answers. */
  static QuestionSet oneHop() {
    List<Town> towns = new OwnArticles().towns();
    List<String> documents = new ArrayList<>();
    List<QuestionSet.Question> questions = new ArrayList<>();
    for (Town town : towns) {
      int first = documents.size();
      documents.addAll(List.of(town.history(), town.trade(), town.tower(), town.custom()));
      List<String> asked = List.of("In which year was " + town.name() + " founded?",
          "What is the best known product of " + town.name() + "?",
          "Who designed the tower of " + town.name() + "?",
          "In which month do the people of " + town.name() + " hold "
              + town.feast() + "?");
      List<String> answers = List.of(String.valueOf(town.founded()), town.goods(),
          town.architect().name(), town.month());
      // One question a town, so that the first hundred samples are about a hundred towns.
      int which = questions.size() % asked.size();
      List<Integer> related = List.of(0, 1, 2, 3).stream().filter(i -> i != which)
          .map(i -> first + i).toList();
      questions.add(new QuestionSet.Question(asked.get(which), List.of(answers.get(which)),
          List.of(first + which), related));
    }
    return new QuestionSet(RulerData.OWN, documents, questions);
  }

  /** One document says who, another says what about them; eight more are given beside the two. */
  static QuestionSet twoHops() {
    OwnArticles made = new OwnArticles();
    List<Town> towns = made.towns();
    List<String> documents = new ArrayList<>();
    for (Town town : towns) {
      documents.addAll(
          List.of(town.article(), town.founder().article(), town.architect().article()));
    }
    List<QuestionSet.Question> questions = new ArrayList<>();
    for (int i = 0; i < towns.size(); i++) {
      Town town = towns.get(i);
      boolean founder = i % 2 == 0;
      Person person = founder ? town.founder() : town.architect();
      String who = founder ? "founder of " : "designer of the tower of ";
      boolean year = i / 2 % 2 == 0;
      String text = year
          ? "In which year was the " + who + town.name() + " born?"
          : "In which town was the " + who + town.name() + " born?";
      questions.add(new QuestionSet.Question(text,
          List.of(year ? String.valueOf(person.born()) : person.birthplace()),
          made.given(3 * i, 3 * i + (founder ? 1 : 2), documents.size()), List.of()));
    }
    return new QuestionSet(RulerData.OWN, documents, questions);
  }

  private List<Integer> given(int town, int person, int documents) {
    Set<Integer> given = new LinkedHashSet<>(List.of(town, person));
    while (given.size() < GIVEN_DOCUMENTS) {
      given.add(random.nextInt(documents));
    }
    return List.copyOf(given);
  }

  private List<Town> towns() {
    List<Town> towns = new ArrayList<>(TOWNS);
    while (towns.size() < TOWNS) {
      int founded = 1100 + random.nextInt(700);
      towns.add(new Town(name(TOWN_ENDS), founded, person(founded), person(founded + 120),
          12 + random.nextInt(80), one(GOODS), one(FEASTS), one(MONTHS)));
    }
    return towns;
  }

  private Person person(int year) {
    return new Person(name(NAME_ENDS) + " " + name(TOWN_ENDS), year - 25 - random.nextInt(40),
        name(TOWN_ENDS), one(TRADES));
  }

  /** A name that nothing else has. */
  private String name(List<String> ends) {
    while (true) {
      String name = one(STARTS) + one(MIDDLES) + one(LINKS) + one(MIDDLES) + one(ends);
      if (names.add(name)) {
        return name;
      }
    }
  }

  private String one(List<String> from) {
    return from.get(random.nextInt(from.size()));
  }
}
