"""The catalogue of mutants: small changes of the code, each with the test that must fail for it.

The TOML files beside this module contain the entries. The name of an entry describes the error in
the changed code.
"""

import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change: `before` is replaced by `after` in `file`, and then `test` must fail.

    `file` and `test` are relative to the root of the project. `test` is a pytest node id, and `why`
    says what would happen in production.
    """

    name: str
    file: str
    before: str
    after: str
    test: str
    why: str

    def apply(self, *, root: Path) -> None:
        """Change the file in a copy of the project. Raise ValueError if the text does not match."""
        path = root / self.file
        path.write_text(self.changed(path.read_text(encoding="utf-8")), encoding="utf-8")

    def revert(self, *, root: Path) -> None:
        """Restore the file in a copy of the project."""
        path = root / self.file
        path.write_text((ROOT / self.file).read_text(encoding="utf-8"), encoding="utf-8")

    def changed(self, text: str) -> str:
        """Return a text with the change. Raise ValueError unless it has `before` exactly once."""
        if (count := text.count(self.before)) != 1:
            raise ValueError(f"{self.name}: {self.file} has the text {count} times, not once")
        return text.replace(self.before, self.after)


def mutants() -> list[Mutant]:
    """Return all entries, in the order of the files' names."""
    return [
        Mutant(name=name, **fields)
        for path in sorted(Path(__file__).parent.glob("*.toml"))
        for name, fields in tomllib.loads(path.read_text(encoding="utf-8")).items()
    ]
