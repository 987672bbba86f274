"""A data lake in files that can be made unwritable, even for root."""

from pathlib import Path


class Lake:
    """A lake. `path` is a link to `folder` or, while the lake is down, to a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.with_name("lake-folder")
        self._file = path.with_name("lake-is-down")

    def create(self) -> None:
        """Create an empty lake."""
        self.folder.mkdir(mode=0o700)
        self._file.touch()
        self.bring_up()

    def take_down(self) -> None:
        """Make the lake refuse all files."""
        self._link_to(self._file)

    def bring_up(self) -> None:
        """Make the lake take files. Does nothing to a lake that does."""
        self._link_to(self.folder)

    def size(self) -> int:
        """Return the number of bytes in all files."""
        return sum(path.stat().st_size for path in self.folder.rglob("*.jsonl"))

    def _link_to(self, target: Path) -> None:
        """Replace the link in one step."""
        link = self.path.with_name("lake-link")
        link.symlink_to(target)
        link.replace(self.path)
