"""Pictures by plain string building: where a step's time goes, and time against context."""

import math
from xml.sax.saxutils import escape

COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#17becf", "#7f7f7f", "#bcbd22", "#e377c2", "#111111", "#2a5d34"]
WIDTH, LEFT, RIGHT = 860, 190, 90


def stacked_bars(title, bars, unit):
    """Horizontal bars of stages.

    `bars` is a list of (label, [(stage, value), ...], text below the bar), all on one scale. A stage has one colour in all of them.
    """
    if not bars:
        return _document(title, 60, [_text(10, 48, "not measured yet")])
    names = list(dict.fromkeys(stage for _, parts, _ in bars for stage, _ in parts))
    colour = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    out, y = [], 40
    for x, row, name in _flow(names):
        out += _entry(x, y + 20 * row, name, colour[name])
    y += 20 * (1 + max((row for _, row, _ in _flow(names)), default=0)) + 10
    longest = max((_total(parts) for _, parts, _ in bars), default=0.0) or 1.0
    for label, parts, below in bars:
        out.append(_text(10, y + 17, label))
        x, room = LEFT, WIDTH - LEFT - RIGHT
        for stage, value in parts:
            width = max(0.0, value) / longest * room
            out.append(_box(x, y, width, 24, colour[stage], f"{stage}: {_number(value)} {unit}"))
            if width >= 26:
                out.append(_text(x + width / 2, y + 16, _number(value), ' text-anchor="middle" fill="white"'))
            x += width
        out.append(_text(x + 6, y + 16, f"{_number(_total(parts))} {unit}"))
        if below:
            out.append(_text(LEFT, y + 38, below, ' fill="#555555" font-size="11"'))
        y += 54 if below else 36
    return _document(title, y, out)


def lines(title, series, x_label, y_label):
    """Points (x, y) of several named series, both axes logarithmic."""
    points = [point for _, found in series for point in found]
    if not points:
        return _document(title, 60, [_text(10, 48, "not measured yet")])
    x0, x1 = min(x for x, _ in points), max(x for x, _ in points)
    ticks = [m * 10.0 ** e for e in range(-6, 7) for m in (1, 2, 5)]
    y0 = max(tick for tick in ticks if tick < min(y for _, y in points))
    y1 = min(tick for tick in ticks if tick > max(y for _, y in points))
    left, right, top, bottom = 70, 640, 60, 380

    def at(x, y):
        along = (math.log(x / x0) / math.log(x1 / x0)) if x1 > x0 else 0.5
        up = math.log(y / y0) / math.log(y1 / y0)
        return left + along * (right - left), bottom - up * (bottom - top)

    out = []
    for tick in ticks:
        if y0 <= tick <= y1:
            y = at(x0, tick)[1]
            out.append(_line(left, y, right, y, "#dddddd") + _text(left - 6, y + 4, f"{tick:g}", ' text-anchor="end"'))
    for tick in sorted({x for x, _ in points}):
        x = at(tick, y0)[0]
        out.append(_line(x, top, x, bottom, "#eeeeee") + _text(x, bottom + 18, f"{tick:,}", ' text-anchor="middle"'))
    for i, (name, found) in enumerate(series):
        colour = COLOURS[i % len(COLOURS)]
        path = [at(x, y) for x, y in sorted(found)]
        out += _curve(path, colour)
        out += _entry(right + 14, top + 22 * i, name, colour)
    out.append(_text((left + right) / 2, bottom + 40, x_label, ' text-anchor="middle"'))
    out.append(_text(left - 60, top - 14, y_label))
    return _document(title, bottom + 55, out)


def shares(title, series, x_label, y_label, even=False, order=()):
    """Points (x, y, low, high) of several named series over y from 0 to 1, or as high as they go; x logarithmic unless `even`.

    A name's place in `order` is its colour, so that it has the same in all pictures.
    """
    points = [point for _, found in series for point in found]
    if not points:
        return _document(title, 60, [_text(10, 48, "not measured yet")])
    places = sorted({point[0] for point in points})
    x0, x1 = (0 if even else places[0]), places[-1]
    highest = max(point[3] for point in points)
    y1 = 1.0 if highest <= 1 else math.ceil(2 * highest) / 2
    left, right, top, bottom = 70, 640, 44, 330

    def along(x):
        share = (x - x0) / (x1 - x0) if even else math.log(x / x0) / math.log(x1 / x0) if x1 > x0 else 0.5
        return left + 16 + share * (right - left - 32)

    def up(y):
        return bottom - y / y1 * (bottom - top)

    out = []
    for i in range(5):
        y = y1 * i / 4
        out.append(_line(left, up(y), right, up(y), "#dddddd") + _text(left - 6, up(y) + 4, f"{y:g}", ' text-anchor="end"'))
    for x in places[3::4] if even and len(places) > 8 else places:
        out.append(_line(along(x), bottom, along(x), bottom + 5, "#888888") + _text(along(x), bottom + 18, f"{x:,}", ' text-anchor="middle"'))
    for i, (name, found) in enumerate(series):
        colour = COLOURS[(order.index(name) if name in order else i) % len(COLOURS)]
        aside = (1.5 if even else 3) * (i - (len(series) - 1) / 2)  # equal scores, and intervals, stay visible
        path = [(along(x) + aside, up(y), up(low), up(high)) for x, y, low, high in found]
        out += [_line(x, low, x, high, colour) for x, _, low, high in path if low != high]
        out += _curve([(x, y) for x, y, _, _ in path], colour)
        out += _entry(right + 14, top + 22 * i, name, colour)
    out.append(_text((left + right) / 2, bottom + 40, x_label, ' text-anchor="middle"'))
    out.append(_text(left - 60, top - 8, y_label))
    return _document(title, bottom + 55, out)


def _total(parts):
    return sum(max(0.0, value) for _, value in parts)


def _flow(names):
    """Where legend entries go: (x, row, name), as many in a row as fit."""
    x, row, placed = 10, 0, []
    for name in names:
        width = 17 + 7 * len(name) + 18
        if x + width > WIDTH and x > 10:
            x, row = 10, row + 1
        placed.append((x, row, name))
        x += width
    return placed


def _number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 1 else f"{value:.2g}"


def _curve(path, colour):
    """A line through the points, and a dot at each."""
    through = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
    return [f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{through}"/>',
            *(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in path)]


def _entry(x, y, name, colour):
    """A name in the legend."""
    return [_box(x, y, 12, 12, colour), _text(x + 17, y + 10, name)]


def _box(x, y, width, height, colour, tip=""):
    title = f"<title>{escape(tip)}</title>" if tip else ""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" fill="{colour}">{title}</rect>'


def _text(x, y, text, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}"{more}>{escape(text)}</text>'


def _line(x1, y1, x2, y2, colour):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _document(title, height, parts):
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" font-family="sans-serif" font-size="12">',
            '<rect width="100%" height="100%" fill="white"/>', _text(10, 20, title, ' font-size="14"')]
    return "\n".join(head + parts + ["</svg>", ""])
