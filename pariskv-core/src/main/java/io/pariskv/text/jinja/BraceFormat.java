package io.pariskv.text.jinja;

/** {@code str.format} with {@code {}}, {@code {0}} and {@code {name}}; format specifications are refused. */
final class BraceFormat {
  private BraceFormat() {
  }

  static Value format(String format, Arguments arguments, Budget budget) {
    BoundedText out = new BoundedText(budget);
    int automatic = 0;
    boolean numbered = false;
    for (int i = 0; i < format.length(); i++) {
      char c = format.charAt(i);
      if ((c == '{' || c == '}') && format.startsWith(String.valueOf(c), i + 1)) {
        out.append(c);
        i++;
      } else if (c == '}') {
        throw new Problem("str.format found a single '}'; write '}}' for the character");
      } else if (c != '{') {
        out.append(c);
      } else {
        int end = format.indexOf('}', i);
        if (end < 0) {
          throw new Problem("str.format found '{' without '}'; write '{{' for the character");
        }
        String field = format.substring(i + 1, end);
        boolean digits = !field.isEmpty() && field.chars().allMatch(d -> d >= '0' && d <= '9');
        numbered |= digits;
        if (numbered && (field.isEmpty() || automatic > 0)) {
          throw new Problem("str.format cannot mix '{}' and '{0}'");
        }
        Printer.str(value(field.isEmpty() ? Integer.toString(automatic++) : field, arguments), out);
        i = end;
      }
    }
    return out.finish();
  }

  private static Value value(String field, Arguments arguments) {
    if (Character.isDigit(field.charAt(0))) {
      int index = field.length() > 6 || !field.chars().allMatch(Character::isDigit)
          ? -1
          : Integer.parseInt(field);
      if (index < 0 || index >= arguments.positional().size()) {
        throw new Problem("str.format has no argument for '{" + field + "}'");
      }
      return arguments.positional().get(index);
    }
    if (!field.chars().allMatch(c -> c == '_' || Character.isLetterOrDigit(c))) {
      throw new Problem(
          "str.format supports '{}', '{0}' and '{name}' only, but found '{" + field + "}'");
    }
    Value value = arguments.named().get(field);
    if (value == null) {
      throw new Problem("str.format has no argument named '" + field + "'");
    }
    return value;
  }
}
