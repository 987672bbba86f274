"""Every package has a licence that the project allows."""

import json
from pathlib import Path

import pytest

from embedded.commands import CommandError
from releasing.licences import Rules, check, read_rules
from releasing.sbom import Component, components

RULES = Rules(
    allowed=frozenset({"MIT", "BSD-3-Clause"}),
    packages={"odd": {"licence": "Odd-1.0", "reason": "It is not changed."}},
)
ODD = Component(name="odd", version="2", licences=())


def component(*licences: str) -> Component:
    return Component(name="one", version="1", licences=licences)


def test_the_table_lists_each_package_with_its_licence() -> None:
    table = check([component("MIT", "BSD-3-Clause"), ODD], rules=RULES)

    assert "| one | 1 | MIT, BSD-3-Clause |" in table
    assert "| odd | 2 | Odd-1.0 |" in table


@pytest.mark.parametrize(
    ("licences", "sentence"),
    [
        (["GPL-3.0-only"], "one: GPL-3.0-only"),
        (["MIT", "GPL-3.0-only"], "one: MIT, GPL-3.0-only"),
        (["MIT OR GPL-3.0-only"], "one: MIT OR GPL-3.0-only"),
        ([], "one: declares no licence"),
    ],
)
def test_a_licence_that_is_not_listed_is_refused(licences: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        check([component(*licences), ODD], rules=RULES)


def test_a_rule_about_a_package_that_is_gone_is_refused() -> None:
    with pytest.raises(CommandError, match="odd: is no package of the service"):
        check([component("MIT")], rules=RULES)


def test_every_rule_has_a_reason() -> None:
    rules = read_rules()

    assert "MIT" in rules.allowed
    assert all(rule["licence"] and rule["reason"] for rule in rules.packages.values())


def test_licences_are_read_from_all_forms_of_the_bill(tmp_path: Path) -> None:
    bill = {
        "components": [
            {"name": "B_b", "version": "2", "licenses": [{"expression": "MIT OR BSD-3-Clause"}]},
            {
                "name": "a",
                "version": "1",
                "licenses": [{"license": {"id": "MIT"}}, {"license": {"name": "A classifier"}}],
            },
            {"name": "c", "version": "3"},
        ]
    }
    path = tmp_path / "sbom.json"
    path.write_text(json.dumps(bill))

    assert components(path) == [
        Component(name="a", version="1", licences=("MIT", "A classifier")),
        Component(name="b-b", version="2", licences=("MIT OR BSD-3-Clause",)),
        Component(name="c", version="3", licences=()),
    ]
