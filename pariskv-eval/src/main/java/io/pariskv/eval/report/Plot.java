package io.pariskv.eval.report;

import io.pariskv.eval.stats.Interval;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A figure with two axes. Colours are the classes {@code c0} to {@code c7} of the page's style, which has them for light
 * and dark.
 */
final class Plot {
  private static final double WIDTH = 560;
  private static final double HEIGHT = 260;
  private static final double LEFT = 56;
  private static final double RIGHT = 30;
  private static final double TOP = 12;
  private static final double BOTTOM = 44;
  /** Colours of the page's style. */
  static final int COLOURS = 8;

  /** A mark on an axis. */
  record Tick(double at, String label) {
  }

  /**
   * A point and, where they differ, the ends of its intervals along both axes; bars end where the axes do.
   *
   * @param label stands beside the point if there is room; empty for none
   */
  record Point(Ends x, Ends y, String title, String label) {
    static Point of(double x, Interval y, String title) {
      return new Point(Ends.at(x), Ends.of(y), title, "");
    }
  }

  /** Where a point stands on one axis, and from where to where its bar goes. */
  record Ends(double at, double low, double high) {
    static Ends at(double at) {
      return new Ends(at, at, at);
    }

    /** Of one value there is no bar. */
    static Ends of(Interval mean) {
      return mean.hasEnds()
          ? new Ends(mean.mean(), mean.low(), mean.high())
          : at(mean.mean());
    }

    private Ends within(Axis axis) {
      return new Ends(at, Math.max(low, axis.low), Math.min(high, axis.high));
    }
  }

  /** Where a label stands. */
  private record Place(double left, double middle, double width) {
    boolean isInside() {
      return left >= LEFT && left + width <= WIDTH && middle >= LABEL_HEIGHT / 2
          && middle <= HEIGHT - BOTTOM - LABEL_HEIGHT / 2;
    }

    boolean meets(Place other) {
      return Math.abs(middle - other.middle) < LABEL_HEIGHT && left < other.left + other.width
          && other.left < left + width;
    }
  }

  /** One axis from {@code low} to {@code high}. */
  record Axis(String name, double low, double high, List<Tick> ticks) {
    double share(double value) {
      return high == low ? 0.5 : (value - low) / (high - low);
    }

    /** An axis for scores. */
    static Axis unit(String name) {
      return new Axis(name, 0, 1, List.of(new Tick(0, "0"), new Tick(0.25, "0.25"),
          new Tick(0.5, "0.5"), new Tick(0.75, "0.75"), new Tick(1, "1")));
    }

    /** From 0 over all means, and a quarter above: intervals of few samples may go far beyond what is there. */
    static Axis of(String name, List<Interval> means) {
      double least = means.stream().mapToDouble(Interval::mean).min().orElse(0);
      double most = means.stream().mapToDouble(Interval::mean).max().orElse(1);
      double high = means.stream().mapToDouble(Interval::high).filter(Double::isFinite).max()
          .orElse(most);
      return round(name, Math.min(0, least),
          most > 0 ? Math.min(Math.max(high, most), 1.25 * most) : 1);
    }

    /** A place for each label. */
    static Axis categories(String name, List<String> labels) {
      List<Tick> ticks = new ArrayList<>();
      for (int i = 0; i < labels.size(); i++) {
        ticks.add(new Tick(i, labels.get(i)));
      }
      return new Axis(name, -0.5, labels.size() - 0.5, ticks);
    }

    /** From 0, or from the least of {@code values}, to the largest, in round steps. */
    static Axis round(String name, double least, double most) {
      double span = Math.max(most - least, 1e-9);
      double power = Math.pow(10, Math.floor(Math.log10(span)));
      double step = span / power > 5 ? 2 * power : span / power > 2 ? power : power / 2;
      double low = Math.floor(least / step) * step;
      List<Tick> ticks = new ArrayList<>();
      double at = low;
      for (int i = 0; at < most || i < 2; i++) {
        at = low + i * step;
        ticks.add(new Tick(at, Numbers.round(at)));
      }
      return new Axis(name, low, at, ticks);
    }
  }

  /** Of a letter of a label beside a point. */
  private static final double LETTER = 5.6;
  private static final double LABEL_HEIGHT = 11;

  private final Axis x;
  private final Axis y;
  private final Element svg;
  private final List<Place> places = new ArrayList<>();

  Plot(String title, Axis x, Axis y) {
    this.x = x;
    this.y = y;
    svg = new Element("svg", "viewBox", "0 0 " + (int) WIDTH + " " + (int) HEIGHT, "role", "img",
        "aria-label", title);
    for (Tick tick : y.ticks()) {
      line("grid", LEFT, atY(tick.at()), WIDTH - RIGHT, atY(tick.at()));
      label(LEFT - 8, atY(tick.at()) + 4, "end", tick.label());
    }
    for (Tick tick : x.ticks()) {
      line("tick", atX(tick.at()), HEIGHT - BOTTOM, atX(tick.at()), HEIGHT - BOTTOM + 5);
      label(atX(tick.at()), HEIGHT - BOTTOM + 18, "middle", tick.label());
    }
    line("axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "middle", x.name());
    svg.add(new Element("text", "transform",
        "translate(13 " + (int) ((HEIGHT - BOTTOM + TOP) / 2) + ") rotate(-90)", "text-anchor",
        "middle").text(y.name()));
  }

  private double atX(double value) {
    return LEFT + x.share(value) * (WIDTH - LEFT - RIGHT);
  }

  private double atY(double value) {
    return HEIGHT - BOTTOM - y.share(value) * (HEIGHT - TOP - BOTTOM);
  }

  private void line(String style, double x1, double y1, double x2, double y2) {
    svg.add(new Element("line", "class", style, "x1", x1, "y1", y1, "x2", x2, "y2", y2));
  }

  private void label(double atX, double atY, String anchor, String text) {
    svg.add(new Element("text", "x", atX, "y", atY, "text-anchor", anchor).text(text));
  }

  static String colour(int index) {
    return "c" + Math.floorMod(index, COLOURS);
  }

  /** Points with their intervals, joined by a line. */
  Plot line(int colour, List<Point> points) {
    String path = points.stream()
        .map(point -> Numbers.of(atX(point.x.at)) + "," + Numbers.of(atY(point.y.at)))
        .collect(Collectors.joining(" "));
    svg.add(new Element("polyline", "class", "line " + colour(colour), "points", path));
    return dots(colour, points);
  }

  /** Points with their intervals. */
  Plot dots(int colour, List<Point> points) {
    for (Point point : points) {
      Ends across = point.x.within(x);
      Ends up = point.y.within(y);
      if (across.low < across.high) {
        line("bar " + colour(colour), atX(across.low), atY(up.at), atX(across.high), atY(up.at));
      }
      if (up.low < up.high) {
        line("bar " + colour(colour), atX(across.at), atY(up.low), atX(across.at), atY(up.high));
      }
      svg.add(new Element("circle", "class", "dot " + colour(colour), "cx", atX(across.at), "cy",
          atY(up.at), "r", "4").add(new Element("title").text(point.title)));
    }
    points.stream().filter(point -> !point.label.isEmpty()).forEach(this::mark);
    return this;
  }

  /** Writes the label where it covers no other and stays in the figure, if there is such a place. */
  private void mark(Point point) {
    double width = LETTER * point.label.length();
    double atX = atX(point.x.at);
    double atY = atY(point.y.at);
    Stream.of(new double[]{7, 0}, new double[]{-7 - width, 0}, new double[]{5, -11},
        new double[]{5, 11}, new double[]{-5 - width, -11}, new double[]{-5 - width, 11})
        .map(aside -> new Place(atX + aside[0], atY + aside[1], width))
        .filter(place -> place.isInside() && places.stream().noneMatch(place::meets))
        .findFirst().ifPresent(place -> {
          places.add(place);
          svg.add(new Element("text", "class", "mark", "x", place.left, "y", place.middle + 4)
              .text(point.label));
        });
  }

  Element toElement() {
    return svg;
  }

  /** Names beside their colours. */
  static Element legend(List<String> names) {
    Element legend = new Element("p", "class", "legend");
    for (int i = 0; i < names.size(); i++) {
      legend.add(new Element("span").add(new Element("i", "class", colour(i))).text(names.get(i)));
    }
    return legend;
  }
}
