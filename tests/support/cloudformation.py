"""Reads the CloudFormation template."""

from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[2] / "deploy" / "aws" / "conversations.yaml"


class _Loader(yaml.SafeLoader):
    """Reads the short form of a function as its long form: `!Ref x` as {"Ref": "x"}."""

    def function(self, name: str, node: yaml.Node) -> dict[str, Any]:
        value: Any
        if isinstance(node, yaml.ScalarNode):
            value = self.construct_scalar(node)
        else:
            assert isinstance(node, yaml.SequenceNode), "No function here has a mapping."
            value = self.construct_sequence(node, deep=True)
        if name == "GetAtt":
            value = value.split(".")
        return {name if name == "Ref" else f"Fn::{name}": value}


_Loader.add_multi_constructor("!", _Loader.function)


def template() -> dict[str, Any]:
    """Return the template, with functions in their long form."""
    parsed: dict[str, Any] = yaml.load(TEMPLATE.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    return parsed


def resources() -> dict[str, Any]:
    """Return the resources of the template by logical id."""
    found: dict[str, Any] = template()["Resources"]
    return found
