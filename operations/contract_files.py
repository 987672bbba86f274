"""The contract for machines as files: the AsyncAPI document, and a JSON Schema for each event type.

The files of a folder are the record of the contract that producers have. So they are not replaced
by a contract that breaks it, unless its version is higher (ADR 33).
"""

import json
from pathlib import Path
from typing import Any

from apps.messages.contract import VERSION
from apps.messages.contract.allowed import Schema
from apps.messages.contract.asyncapi import asyncapi_document
from apps.messages.contract.changes import breaking_changes
from apps.messages.contract.schemas import body_schemas, document

ASYNCAPI = "asyncapi.json"


class BreakingChange(Exception):
    """The contract breaks the recorded one, and its version is not higher."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        return (
            "This contract breaks the recorded one. Undo the change, or raise VERSION in "
            "apps/messages/contract/__init__.py:\n" + "\n".join(self.problems)
        )


def contract_files() -> dict[str, str]:
    """Return the text of each file by its name."""
    documents = {f"{name}.json": document(name, one) for name, one in body_schemas().items()}
    return {
        name: json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        for name, content in {ASYNCAPI: asyncapi_document(), **documents}.items()
    }


def check_against(folder: Path, *, schemas: dict[str, Schema], version: int = VERSION) -> None:
    """Raise BreakingChange if these schemas break the contract that a folder has.

    A folder without a contract has none that could be broken. Raise ValueError if it has an
    AsyncAPI document that is not one of these, and OSError.
    """
    file = folder / ASYNCAPI
    if not file.exists():
        return
    recorded: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    try:
        recorded_version = int(recorded["info"]["version"].partition(".")[0])
        problems = breaking_changes(recorded["components"]["schemas"], schemas)
    except (LookupError, AttributeError, TypeError) as error:
        raise ValueError("not a document of this service") from error
    if problems and version <= recorded_version:
        raise BreakingChange(problems)


def write(folder: Path) -> list[str]:
    """Write the files into a folder, and return the names of those that changed.

    Raise what `check_against` raises, before anything is written.
    """
    check_against(folder, schemas=body_schemas())
    folder.mkdir(parents=True, exist_ok=True)
    changed = []
    for name, text in contract_files().items():
        file = folder / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            changed.append(name)
    return changed
