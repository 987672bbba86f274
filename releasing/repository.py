"""What a release needs of git."""

from pathlib import Path

from embedded.commands import CommandError, output_of


def check_clean(root: Path) -> None:
    """Raise CommandError if a file is changed or unknown, because a tag would not contain it."""
    if changes := _git(root, "status", "--porcelain").splitlines():
        raise CommandError(
            "Commit or remove these files first, so that the tag has what is released:\n"
            + "\n".join(changes)
        )


def check_new(root: Path, *, tag: str) -> None:
    """Raise CommandError if the tag exists."""
    if _git(root, "tag", "--list", tag):
        raise CommandError(f"{tag} is tagged already: raise the version in pyproject.toml.")


def time_of_commit(root: Path) -> str:
    """Return the time of the current commit, in seconds since 1970.

    Files with this time are equal whenever they are made.
    """
    return _git(root, "log", "-1", "--format=%ct")


def tag(root: Path, *, tag: str, message: str) -> None:
    """Make an annotated tag of the current commit, with the section of the changelog."""
    # Lines of the changelog that begin with # are headings, not comments.
    _git(root, "tag", "--annotate", "--cleanup=whitespace", "--message", f"{tag}\n\n{message}", tag)


def _git(root: Path, *arguments: str) -> str:
    return output_of("git", "-C", root, *arguments).strip()
