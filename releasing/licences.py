"""The licences of the packages, which must be among those that the project allows."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embedded.commands import CommandError
from releasing.sbom import Component

_RULES = Path(__file__).with_name("licences.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The licences that are allowed, and those of packages that have a reason of their own."""

    allowed: frozenset[str]
    packages: dict[str, dict[str, str]]


def read_rules(path: Path = _RULES) -> Rules:
    """Return the rules in a TOML file."""
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    return Rules(allowed=frozenset(document["allowed"]), packages=document["packages"])


def check(components: Sequence[Component], *, rules: Rules) -> str:
    """Return a Markdown table of the packages and their licences.

    Raises CommandError, which names them, if packages have licences that are not allowed, or if a
    rule is about a package that is not there.
    """
    refused = [
        f"{one.name}: {', '.join(one.licences) or 'declares no licence'}"
        for one in components
        if one.name not in rules.packages and not _is_allowed(one, rules=rules)
    ]
    unused = rules.packages.keys() - {one.name for one in components}
    if refused or unused:
        lines = [*refused, *(f"{name}: is no package of the service" for name in sorted(unused))]
        raise CommandError(f"Check these licences, and change {_RULES}:\n" + "\n".join(lines))
    rows = [
        f"| {one.name} | {one.version} | {_licence_of(one, rules=rules)} |" for one in components
    ]
    return "\n".join(["| package | version | licence |", "|---|---|---|", *rows, ""])


def _is_allowed(component: Component, *, rules: Rules) -> bool:
    return bool(component.licences) and rules.allowed.issuperset(component.licences)


def _licence_of(component: Component, *, rules: Rules) -> str:
    own = rules.packages.get(component.name)
    return own["licence"] if own else ", ".join(dict.fromkeys(component.licences))
