"""Two kinds of charts as SVG, readable on light and dark pages."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 720
_LABELS = 170
_VALUES = 110
_BAR, _GAP, _TOP = 26, 12, 46
# The right margin has room for half of "1,000,000" below the last point.
_PLOT = (64, _TOP, _WIDTH - 44, 250)
_HEIGHT = 300
_INK, _SOFT, _ACCENT, _OTHER = "#1f2933", "#9aa5b1", "#1f6feb", "#b6c2cf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar of a chart. `text` is the value as it is written beside the bar."""

    label: str
    value: float
    text: str
    is_accented: bool = False


def bar_chart(*, title: str, bars: Sequence[Bar]) -> str:
    """Return a chart of horizontal bars, which start at 0."""
    maximum = max(bar.value for bar in bars) or 1.0
    room = _WIDTH - _LABELS - _VALUES
    drawn: list[str] = []
    for place, bar in enumerate(bars):
        top = _TOP + place * (_BAR + _GAP)
        width = max(1.0, bar.value / maximum * room)
        drawn += [
            _text(_LABELS - 10, top + 18, bar.label, anchor="end"),
            f'<rect x="{_LABELS}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="3" '
            f'fill="{_ACCENT if bar.is_accented else _OTHER}"/>',
            _text(_LABELS + width + 8, top + 18, bar.text),
        ]
    return _page(title, drawn, height=_TOP + len(bars) * (_BAR + _GAP) + 10)


def line_chart(*, title: str, across: str, points: Sequence[tuple[float, float]]) -> str:
    """Return a line chart with a logarithmic x axis. It needs a point, and every x is above 0."""
    left, top, right, bottom = _PLOT
    low, high = math.log10(points[0][0]), math.log10(points[-1][0])
    most = _round_up(max(y for _, y in points))

    def place(x: float, y: float) -> tuple[float, float]:
        share = (math.log10(x) - low) / (high - low) if high > low else 0.5
        return left + share * (right - left), bottom - y / most * (bottom - top)

    spots = [place(x, y) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    drawn = [*_grid(most)]
    drawn.append(f'<polyline points="{path}" fill="none" stroke="{_ACCENT}" stroke-width="2.5"/>')
    for (x, _), (spot_x, spot_y) in zip(points, spots, strict=True):
        drawn += [
            f'<circle cx="{spot_x:.1f}" cy="{spot_y:.1f}" r="4" fill="{_ACCENT}"/>',
            _text(spot_x, bottom + 18, f"{x:,.0f}", anchor="middle"),
        ]
    drawn.append(_text((left + right) / 2, bottom + 38, across, anchor="middle", colour=_SOFT))
    return _page(title, drawn, height=_HEIGHT)


def _grid(most: float) -> Iterator[str]:
    left, top, right, bottom = _PLOT
    for part in range(5):
        y = bottom - part / 4 * (bottom - top)
        yield f'<line x1="{left}" x2="{right}" y1="{y}" y2="{y}" stroke="{_SOFT}" opacity="0.4"/>'
        yield _text(left - 8, y + 4, f"{most * part / 4:,.6g}", anchor="end", colour=_SOFT)


def _round_up(value: float) -> float:
    """Round up to 1, 2, 4 or 8 times a power of ten, whose quarters are short numbers."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 8, 10) if step * power >= value)


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{escape(text)}</text>'


def _page(title: str, drawn: Sequence[str], *, height: float) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height:g}" '
        f'width="{_WIDTH}" height="{height:g}" role="img" aria-label="{escape(title)}" '
        'font-family="system-ui, sans-serif" font-size="13">'
    )
    ground = '<rect width="100%" height="100%" rx="6" fill="#ffffff"/>'
    heading = f'<text x="16" y="26" font-size="15" font-weight="600" fill="{_INK}">'
    return "\n".join([head, ground, f"{heading}{escape(title)}</text>", *drawn, "</svg>"]) + "\n"
