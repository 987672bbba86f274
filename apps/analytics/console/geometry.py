"""The layout of a bar chart, in the units of its SVG's viewBox.

The viewBox is as wide as the content of a page on a phone of 360 pixels. There, text has the font
size of the style sheet. On wider screens, it is larger.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, floor, log10

WIDTH, HEIGHT = 310, 190
LEFT, RIGHT, TOP, BOTTOM = 40.0, 300.0, 16.0, 166.0

# The width of a letter at the font size of the style sheet, and the space between two labels.
LETTER, GAP = 6.5, 8.0
# The width of a bar as a share of its column.
BAR_SHARE = 0.72
MAX_BAR_WIDTH = 30.0
# Bars of small values, and of zero, stay visible and can be pointed at.
MIN_BAR_HEIGHT = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a bar: its value (None: it is not drawn), name, link, CSS class and label."""

    value: float | None
    name: str
    href: str
    look: str
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Stacked parts above one label of the axis; `is_over` is false if they may still grow."""

    label: str
    parts: Sequence[Part]
    is_over: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The value axis. It ends at its lowest and highest marks; bars begin at 0."""

    marks: Sequence[float]
    unit: str = ""

    def y(self, value: float) -> float:
        """Return the vertical coordinate of a value."""
        low, high = min(self.marks), max(self.marks)
        return round(BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rectangle:
    """A rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bar, and the area around it that reacts to the pointer."""

    part: Part
    shape: Rectangle
    area: Rectangle
    middle: float
    label_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A label of an axis."""

    at: float
    text: str
    is_zero: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """All shapes and labels of a chart. `unfinished` are the columns that are not over."""

    bars: Sequence[Bar]
    unfinished: Sequence[Rectangle]
    rows: Sequence[Mark]
    columns: Sequence[Mark]
    width: float = WIDTH
    height: float = HEIGHT
    left: float = LEFT
    right: float = RIGHT


def draw(columns: Sequence[Column], *, scale: Scale) -> Drawing:
    """Return the chart of these columns, from left to right. Parts without a value are left out."""
    room = (RIGHT - LEFT) / len(columns)
    return Drawing(
        bars=[
            bar
            for number, column in enumerate(columns)
            for bar in _stack(column, left=LEFT + number * room, room=room, scale=scale)
        ],
        unfinished=[
            Rectangle(
                x=round(LEFT + number * room, 2), y=TOP, width=round(room, 2), height=BOTTOM - TOP
            )
            for number, column in enumerate(columns)
            if not column.is_over
        ],
        rows=[
            Mark(at=scale.y(value), text=f"{short(value)}{scale.unit}", is_zero=value == 0)
            for value in scale.marks
        ],
        columns=[
            Mark(at=round(LEFT + (number + 0.5) * room, 2), text=columns[number].label)
            for number in labelled_columns([column.label for column in columns], room=room)
        ],
    )


def count_scale(values: Sequence[float]) -> Scale:
    """Return a scale for counts, from 0 to at least the highest, in at most five steps."""
    highest = max([*values, 1])
    power: float = 10 ** floor(log10(highest))
    step = ceil(next(n * power for n in (0.2, 0.25, 0.5, 1, 2) if n * power * 5 >= highest))
    return Scale(marks=[step * number for number in range(ceil(highest / step) + 1)])


def labelled_columns(labels: Sequence[str], *, room: float) -> range:
    """Return the columns that are labelled: the first, and as many others as fit."""
    longest = max(len(label) for label in labels) * LETTER + GAP
    return range(0, len(labels), ceil(longest / room))


def short(value: float) -> str:
    """Return a number in a short form, as in 1.2k."""
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f}".removesuffix(".0") + unit
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def _stack(column: Column, *, left: float, room: float, scale: Scale) -> list[Bar]:
    present = [part for part in column.parts if part.value is not None]
    ends = list(accumulate(part.value or 0 for part in present))
    is_stack = len(column.parts) > 1
    return [
        _bar(part, left=left, room=room, top=scale.y(end), bottom=scale.y(start), in_stack=is_stack)
        for part, start, end in zip(present, [0, *ends], ends, strict=False)
    ]


def _bar(part: Part, *, left: float, room: float, top: float, bottom: float, in_stack: bool) -> Bar:
    y, end = min(top, bottom), max(top, bottom)
    height = max(end - y, MIN_BAR_HEIGHT)
    # A bar that is raised to the minimum height grows away from zero.
    y = y if (part.value or 0) < 0 else end - height
    width = min(room * BAR_SHARE, MAX_BAR_WIDTH)
    shape = Rectangle(
        x=round(left + (room - width) / 2, 2),
        y=round(y, 2),
        width=round(width, 2),
        height=round(height, 2),
    )
    area = Rectangle(
        x=round(left, 2),
        y=shape.y if in_stack else TOP,
        width=round(room, 2),
        height=shape.height if in_stack else BOTTOM - TOP,
    )
    return Bar(
        part=part,
        shape=shape,
        area=area,
        middle=round(left + room / 2, 2),
        label_y=round(shape.y - 4, 2),
    )
