"""Plots as SVG text: axes, lines, bars. No script; colours are classes that the page's style defines.

A plot is drawn in a box of its own units (WIDTH x HEIGHT) and scales with the page. Every plot has a
title element for readers that do not see it.
"""
import html
import math

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 18, 34


def nice_step(span, count=5):
    """A step of 1, 2 or 5 times a power of ten that divides SPAN into about COUNT parts."""
    raw = max(span, 1e-12) / count
    power = 10 ** math.floor(math.log10(raw))
    return next(m * power for m in (1, 2, 5, 10) if raw <= m * power * 1.0001)


def ticks(low, high, count=5):
    step = nice_step(high - low, count)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def number(value):
    """Short and readable: 12 345, 1.5, 0.02."""
    if value == 0:
        return "0"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}".replace(",", "\u202f")
    return f"{value:.3g}"


class Linear:
    def __init__(self, low, high):
        self.low, self.high = low, high if high > low else low + 1

    def place(self, value):
        return (value - self.low) / (self.high - self.low)

    def ticks(self):
        return [(value, number(value)) for value in ticks(self.low, self.high)]


class Log:
    """Powers of ten, with 2 and 5 marked where there are few of them."""

    def __init__(self, low, high):
        self.low = 10 ** math.floor(math.log10(max(low, 1e-6)))
        self.high = 10 ** math.ceil(math.log10(max(high, self.low * 10)))

    def place(self, value):
        value = min(max(value, self.low), self.high)
        return math.log10(value / self.low) / math.log10(self.high / self.low)

    def ticks(self):
        decades = round(math.log10(self.high / self.low))
        steps = (1, 2, 5) if decades <= 2 else (1,)
        values = [self.low * 10 ** d * s for d in range(decades) for s in steps] + [self.high]
        return [(value, number(value)) for value in values]


class Nines:
    """The axis of percentiles: each nine takes as much room as the one before."""

    MARKS = (0, 50, 90, 99, 99.9, 99.99, 99.999)

    def __init__(self, most=99.999):
        self.most = most

    def place(self, percent):
        return min(1, -math.log10(max(1 - percent / 100, 1e-9)) / -math.log10(1 - self.most / 100))

    def ticks(self):
        return [(mark, f"{mark:g} %") for mark in self.MARKS if mark <= self.most]


class Plot:
    def __init__(self, title, x, y, x_label="", y_label="", height=HEIGHT):
        self.title, self.x, self.y = title, x, y
        self.x_label, self.y_label, self.height = x_label, y_label, height
        self.parts, self.keys = [], []

    def at(self, x, y):
        inner_width, inner_height = WIDTH - LEFT - RIGHT, self.height - TOP - BOTTOM
        return (LEFT + self.x.place(x) * inner_width,
                TOP + (1 - self.y.place(y)) * inner_height)

    def line(self, points, style, label=None):
        if not points:
            return
        path = " ".join(f"{'M' if i == 0 else 'L'}{px:.1f} {py:.1f}"
                        for i, (px, py) in enumerate(self.at(*p) for p in points))
        self.parts.append(f'<path class="line {style}" d="{path}"/>')
        if label:
            self.keys.append((style, label))

    def area(self, points, style):
        if not points:
            return
        base = self.at(points[0][0], self.y.low)[1]
        inside = " ".join(f"L{px:.1f} {py:.1f}" for px, py in (self.at(*p) for p in points))
        first, last = self.at(*points[0])[0], self.at(*points[-1])[0]
        self.parts.append(f'<path class="area {style}" d="M{first:.1f} {base:.1f} {inside} '
                          f'L{last:.1f} {base:.1f} Z"/>')

    def rule(self, y, label):
        """A bound across the plot."""
        px, py = self.at(0, y)
        self.parts.append(f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py:.1f}" '
                          f'y2="{py:.1f}"/><text class="tick" x="{WIDTH - RIGHT}" y="{py - 4:.1f}" '
                          f'text-anchor="end">{esc(label)}</text>')

    def shade(self, x1, x2, label):
        """A stretch of the x axis that does not count."""
        (left, _), (right, _) = self.at(x1, self.y.low), self.at(x2, self.y.low)
        self.parts.insert(0, f'<rect class="shade" x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" '
                             f'height="{self.height - TOP - BOTTOM}"/><text class="tick" '
                             f'x="{left + 4:.1f}" y="{TOP + 12}">{esc(label)}</text>')

    def svg(self):
        return (f'<svg class="plot" viewBox="0 0 {WIDTH} {self.height}" role="img" '
                f'aria-label="{esc(self.title)}"><title>{esc(self.title)}</title>'
                + self.grid() + "".join(self.parts) + "</svg>" + self.legend())

    def legend(self):
        """What each line is, below the plot: a label at a line's end would meet the others there."""
        keys = "".join(f'<li><svg width="26" height="8"><path class="line {style}" d="M0 4 H26"/></svg>'
                       f"{esc(label)}</li>" for style, label in self.keys)
        return f'<ul class="keys">{keys}</ul>' if keys else ""

    def grid(self):
        bottom = self.height - BOTTOM
        parts = []
        for value, text in self.y.ticks():
            py = self.at(0, value)[1]
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{py:.1f}" '
                         f'y2="{py:.1f}"/><text class="tick" x="{LEFT - 7}" y="{py + 4:.1f}" '
                         f'text-anchor="end">{esc(text)}</text>')
        for value, text in self.x.ticks():
            px = LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT)
            parts.append(f'<line class="tickline" x1="{px:.1f}" x2="{px:.1f}" y1="{bottom}" '
                         f'y2="{bottom + 4}"/><text class="tick" x="{px:.1f}" y="{bottom + 16}" '
                         f'text-anchor="{"end" if px > WIDTH - RIGHT - 12 else "middle"}">{esc(text)}</text>')
        parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{bottom}" y2="{bottom}"/>')
        if self.x_label:
            parts.append(f'<text class="tick" x="{WIDTH - RIGHT}" y="{self.height - 3}" '
                         f'text-anchor="end">{esc(self.x_label)}</text>')
        if self.y_label:
            parts.append(f'<text class="tick unit" x="{LEFT}" y="{TOP - 4}">{esc(self.y_label)}</text>')
        return "".join(parts)


def esc(text):
    return html.escape(str(text), quote=True)


def shares(title, rows, unit):
    """One bar cut into shares, with a legend: rows are (name, value, help)."""
    total = sum(value for _, value, _ in rows) or 1
    at, parts, legend = 0.0, [], []
    for i, (name, value, help_text) in enumerate(rows):
        width = 100 * value / total
        parts.append(f'<rect class="c{i % 8}" x="{at:.3f}%" y="0" width="{width:.3f}%" height="28">'
                     f'<title>{esc(name)}: {number(value)} {esc(unit)}, {width:.1f} %</title></rect>')
        if width > 6:
            parts.append(f'<text class="in c{i % 8}t" x="{at + width / 2:.3f}%" y="18" '
                         f'text-anchor="middle">{width:.0f} %</text>')
        at += width
        legend.append(f'<li><i class="c{i % 8}"></i><b>{esc(name)}</b> {number(value)} {esc(unit)} '
                      f'<span class="soft">{width:.1f} %{" - " + esc(help_text) if help_text else ""}'
                      f"</span></li>")
    return (f'<svg class="shares" role="img" aria-label="{esc(title)}" width="100%" height="28">'
            f'<title>{esc(title)}</title>{"".join(parts)}</svg>'
            f'<ul class="legend">{"".join(legend)}</ul>')
