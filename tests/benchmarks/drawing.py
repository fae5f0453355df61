"""Plots as SVG, written by hand: bars by group on a logarithmic scale, lines, and stacked bars."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from xml.sax.saxutils import escape

COLOURS: Final = {
    "linkd": "#0b7285",
    "uv": "#de5d83",
    "pip": "#868e96",
    "bare calls": "#ced4da",
}
_PALETTE: Final = (
    "#adb5bd",
    "#748ffc",
    "#ffd43b",
    "#74b816",
    "#f76707",
    "#0b7285",
    "#e8590c",
    "#ced4da",
)
_WIDTH: Final = 900
_LEFT: Final = 380
_RIGHT: Final = 90
_ROW: Final = 15


@dataclass(slots=True)
class _Canvas:
    height: int
    parts: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        size = f'width="{max(width, 0.5):.1f}" height="{height:.1f}"'
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" {size} fill="{colour}"/>')

    def line(self, points: Sequence[tuple[float, float]], colour: str, width: float = 1) -> None:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        )

    def text(
        self, x: float, y: float, words: str, *, anchor: str = "start", bold: bool = False
    ) -> None:
        weight = ' font-weight="bold"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}>{escape(words)}</text>'
        )

    def legend(self, y: float, colours: Mapping[str, str]) -> None:
        x = 10.0
        for name, colour in colours.items():
            self.rect(x, y - 9, 10, 10, colour)
            self.text(x + 14, y, name)
            x += 30 + 7 * len(name)

    def written(self) -> str:
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {self.height}"'
        style = 'font-family="sans-serif" font-size="11" fill="#212529"'
        ground = f'<rect width="{_WIDTH}" height="{self.height}" fill="#ffffff"/>'
        return "\n".join([f"{head} {style}>", ground, *self.parts, "</svg>", ""])


def draw_bars(title: str, groups: Mapping[str, Mapping[str, float]]) -> str:
    """Milliseconds by group and side, on a logarithmic scale: they lie between 5 and 100,000."""
    rows = sum(len(bars) for bars in groups.values())
    canvas = _Canvas(60 + rows * _ROW + len(groups) * 10)
    values = [value for bars in groups.values() for value in bars.values()]
    low = math.floor(math.log10(min(values)))
    high = math.ceil(math.log10(max(values) * 1.001))

    def x_of(value: float) -> float:
        share = (math.log10(value) - low) / max(high - low, 1)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    canvas.text(10, 18, title, bold=True)
    canvas.legend(36, {side: COLOURS[side] for side in COLOURS if _has(groups, side)})
    for power in range(low, high + 1):
        x = x_of(10.0**power)
        canvas.line([(x, 46), (x, canvas.height - 6)], "#e9ecef")
        canvas.text(x, 42, _time(10.0**power), anchor="middle")
    y = 52.0
    for group, bars in groups.items():
        canvas.text(_LEFT - 8, y + _ROW * len(bars) / 2 + 4, group, anchor="end")
        for side, value in bars.items():
            canvas.rect(_LEFT, y + 1, x_of(value) - _LEFT, _ROW - 3, COLOURS[side])
            canvas.text(x_of(value) + 4, y + _ROW - 4, _time(value))
            y += _ROW
        y += 10
    return canvas.written()


def _has(groups: Mapping[str, Mapping[str, float]], side: str) -> bool:
    return any(side in bars for bars in groups.values())


def draw_lines(title: str, lines: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """A figure by the number of clients; both axes begin at their least, the first by powers of 2."""
    canvas = _Canvas(280)
    left, right, top, bottom = 60.0, 740.0, 56.0, 244.0
    most = max(y for points in lines.values() for _, y in points)
    step = _step(most)
    most = math.ceil(most / step) * step
    levels = sorted({x for points in lines.values() for x, _ in points})

    def place(x: int, y: float) -> tuple[float, float]:
        share = math.log2(x / levels[0]) / max(math.log2(levels[-1] / levels[0]), 1)
        return left + share * (right - left), bottom - y / most * (bottom - top)

    canvas.text(10, 18, title, bold=True)
    canvas.legend(36, {side: COLOURS[side] for side in lines})
    for count in range(round(most / step) + 1):
        value = step * count
        y = place(levels[0], value)[1]
        canvas.line([(left, y), (right, y)], "#e9ecef")
        canvas.text(left - 6, y + 4, f"{value:.3g}", anchor="end")
    for level in levels:
        canvas.text(place(level, 0)[0], bottom + 16, str(level), anchor="middle")
    canvas.text((left + right) / 2, bottom + 32, "clients at once", anchor="middle")
    for side, points in lines.items():
        canvas.line([place(x, y) for x, y in points], COLOURS[side], 2)
        for x, y in (place(x, y) for x, y in points):
            canvas.rect(x - 2.5, y - 2.5, 5, 5, COLOURS[side])
    return canvas.written()


def draw_timeline(title: str, rows: Mapping[str, Sequence[tuple[str, float]]]) -> str:
    """What followed what, in milliseconds from the start; one row for each tool."""
    names = list(dict.fromkeys(name for spans in rows.values() for name, _ in spans))
    colours = dict(zip(names, _PALETTE * len(names), strict=False)) | COLOURS
    canvas = _Canvas(84 + 34 * len(rows))
    most = max(sum(ms for _, ms in spans) for spans in rows.values())
    left, width = 60.0, 700.0
    canvas.text(10, 18, title, bold=True)
    canvas.legend(36, {name: colours[name] for name in names})
    step = _step(most)
    for count in range(int(most / step) + 1):
        x = left + count * step / most * width
        canvas.line([(x, 50), (x, 56 + 34 * len(rows))], "#dee2e6")
        canvas.text(x, 70 + 34 * len(rows), f"{count * step:g} ms", anchor="middle")
    for number, (name, spans) in enumerate(rows.items()):
        y, x = 56 + 34 * number, left
        canvas.text(left - 8, y + 15, name, anchor="end")
        for span, ms in spans:
            canvas.rect(x, y, ms / most * width, 22, colours[span])
            x += ms / most * width
        canvas.text(x + 4, y + 15, _time(sum(ms for _, ms in spans)))
    return canvas.written()


def _step(most: float) -> float:
    """A round number of which four to ten make up the most."""
    power = 10.0 ** math.floor(math.log10(most))
    return next(step for step in (power / 10, power / 5, power / 2, power) if most / step <= 10)


def _time(ms: float) -> str:
    return f"{ms / 1e3:.3g} s" if ms >= 1000 else f"{ms:.3g} ms"
