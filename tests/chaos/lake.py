"""A data lake in files that can be made unwritable, for root as well."""

import os
from pathlib import Path


class Lake:
    """`path` is a link to a folder, or, while it is down, to a file: nothing can be made in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_name("lake-folder")
        self._file = path.with_name("lake-is-down")
        self.folder.mkdir()
        self._file.touch()
        self.bring_up()

    def take_down(self) -> None:
        self._lead_to(self._file)

    def bring_up(self) -> None:
        self._lead_to(self.folder)

    def _lead_to(self, target: Path) -> None:
        """In one step: there is no moment without a link."""
        link = self.path.with_name("lake-link")
        link.symlink_to(target)
        os.replace(link, self.path)
