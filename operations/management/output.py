r"""What commands print: nothing that producers or contacts wrote can control the terminal.

Every command writes through `SafeOutput` or `SafeConsole`. Characters that a terminal would act on
or hide, such as the escape character and marks of the direction of text, are printed as escapes
like ``\u001b``.
"""

import json
import unicodedata
from collections.abc import Callable, Iterable
from io import TextIOWrapper
from typing import TextIO

from django.core.management.base import OutputWrapper
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment


def printable(text: str) -> str:
    """Return the text with escapes for control characters and other unprintable characters.

    The escapes are those of JSON, so a JSON document stays one with the same meaning.
    """
    if text.isprintable():
        return text
    return "".join(one if _is_harmless(one) else json.dumps(one)[1:-1] for one in text)


def _is_harmless(character: str) -> bool:
    # str.isprintable is False for every space but one, and for the joiners within emoji.
    is_space = unicodedata.category(character) == "Zs"
    return is_space or character.isprintable() or character in "\n\t\u200c\u200d"


class SafeOutput(OutputWrapper):
    """Django's output of a command, which escapes what a terminal would act on."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.stream = stream

    def write(  # type: ignore[override] # Django's own differs from that of a stream
        self,
        msg: str = "",
        style_func: Callable[[str], str] | None = None,
        ending: str | None = None,
    ) -> None:
        """Write an escaped line. Styles are added after escaping."""
        super().write(printable(str(msg)), style_func, ending)

    def write_data(self, text: str) -> None:
        """Write a document for other programs: exactly and in UTF-8, unless to a terminal."""
        if self.isatty():
            # Lines of CSV end with a carriage return and a line feed.
            text = printable(text.replace("\r\n", "\n"))
        elif isinstance(self.stream, TextIOWrapper):
            self.stream.reconfigure(encoding="utf-8")
        super().write(text, ending="")


class SafeConsole(Console):
    """A rich console that escapes what a terminal would act on, except its own styles.

    Tables cut a text that is longer than its column after escaping.
    It raises BrokenPipeError if the reader of the output has ended, as other output does.
    """

    def __init__(self, output: SafeOutput) -> None:
        # Not the output itself, which would escape the console's own styles.
        super().__init__(file=output.stream, highlight=False, markup=False)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of something, with escaped texts."""
        for segment in super().render(renderable, options):
            is_text = not segment.control
            yield segment._replace(text=printable(segment.text)) if is_text else segment

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError again. rich would end the program with status 1."""
        raise  # noqa: PLE0704 (rich calls this while it handles the error)
