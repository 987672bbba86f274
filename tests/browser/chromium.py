"""Finds Chromium. `python -m tests.browser.chromium` says how to install it if it is missing.

The tests use an installed browser instead of the one that their driver would download.
"""

import os
import shutil
import sys
from pathlib import Path

from rich.console import Console

NAMES = ("chromium", "chromium-browser", "google-chrome")
ON_MACOS = (
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
)
HOW_TO_INSTALL = (
    "There is no Chromium on this machine: install it (Debian, Ubuntu: apt-get install chromium; "
    "macOS: brew install --cask chromium) or set CHROMIUM to its path."
)


def chromium() -> Path | None:
    """Return the path in CHROMIUM if it is set, otherwise that of an installed browser or None."""
    named = os.environ.get("CHROMIUM")
    places = [shutil.which(name) for name in ((named,) if named else NAMES)]
    installed = [Path(place) for place in places if place]
    if not installed and not named:
        installed = [path for path in ON_MACOS if path.exists()]
    return installed[0] if installed else None


def main() -> int:
    """Return 0, or 1 after a message if no browser is installed."""
    if chromium():
        return 0
    Console(stderr=True).print(HOW_TO_INSTALL, markup=False, highlight=False, soft_wrap=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
