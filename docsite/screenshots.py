"""A Sphinx extension that puts screenshots of the admin site into the pages about it.

`make docs-screenshots` makes them. git ignores them, so the pages do not name them, and are
complete without them.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FOLDER = "tests/browser/screenshots"
COLORS = ("light", "dark")
# The names of the screenshots on a page, by the heading that each of them stands below.
SHOWN = {
    "docs/admin": {
        "Lists and actions": "list-conversations_conversation",
        "Finding conversations": "detail-conversation",
        "Transcripts": "transcript",
        "The status": "status",
        "Dead letters": "list-conversation_messages_deadletter",
        "The console": "figures",
        "Projects side by side": "projects",
    },
}

# Sphinx counts what its loggers warn of.
logger = logging.getLogger("sphinx.docsite")


def with_screenshots(text: str, *, page: str, folder: Path) -> str:
    """Return the text of a page with its screenshots, or unchanged if there is no such folder."""
    if folder.is_dir():
        for heading, name in SHOWN.get(page, {}).items():
            images = "".join(_images(name, heading=heading, folder=folder))
            text = re.sub(rf"^##+ {heading}\n", rf"\g<0>\n{images}", text, flags=re.MULTILINE)
    return text


def _images(name: str, *, heading: str, folder: Path) -> Iterator[str]:
    """Yield the image for each colour scheme. The theme shows one of them."""
    for colors in COLORS:
        file = f"{name}-desktop-{colors}.png"
        if not (folder / file).is_file():
            logger.warning("There is no screenshot %s: run make docs-screenshots.", file)
            continue
        yield (
            f"```{{image}} /{FOLDER}/{file}\n"
            f":alt: Screenshot: {heading}\n"
            f":class: screenshot only-{colors}\n```\n\n"
        )


def _add(app: "Sphinx", page: str, source: list[str]) -> None:
    source[0] = with_screenshots(source[0], page=page, folder=Path(app.srcdir) / FOLDER)


def setup(app: "Sphinx") -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
