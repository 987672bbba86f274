"""The recorded contract is the one that the code generates, and is not broken unnoticed."""

import copy
from pathlib import Path

import pytest

from apps.messages.contract import VERSION
from apps.messages.contract.schemas import body_schemas
from operations.contract_files import (
    ASYNCAPI,
    BreakingChange,
    check_against,
    contract_files,
    write,
)
from tests.support.pages import ROOT

RECORDED = ROOT / "docs" / "contract"


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A folder with today's contract."""
    write(tmp_path)
    return tmp_path


def test_the_code_does_not_break_the_recorded_contract() -> None:
    check_against(RECORDED, schemas=body_schemas())


def test_the_recorded_contract_is_the_generated_one() -> None:
    """`make contract` writes it."""
    files = {file.name: file.read_text(encoding="utf-8") for file in RECORDED.glob("*.json")}

    assert files == contract_files()


def test_a_breaking_change_is_refused_until_the_version_is_raised(recorded: Path) -> None:
    schemas = copy.deepcopy(body_schemas())
    del schemas["message.received"]["properties"]["data"]["properties"]["message"]

    with pytest.raises(BreakingChange) as refusal:
        check_against(recorded, schemas=schemas)

    assert refusal.value.problems == ["message.received: data.message was removed"]
    check_against(recorded, schemas=schemas, version=VERSION + 1)


def test_an_optional_field_may_be_added(recorded: Path) -> None:
    schemas = copy.deepcopy(body_schemas())
    schemas["conversation.close"]["properties"]["note"] = {"type": "string"}

    check_against(recorded, schemas=schemas)


def test_a_folder_without_a_contract_is_filled(tmp_path: Path) -> None:
    changed = write(tmp_path / "new")

    assert set(changed) == set(contract_files())
    assert write(tmp_path / "new") == []


def test_nothing_is_written_over_another_document(tmp_path: Path) -> None:
    (tmp_path / ASYNCAPI).write_text('{"asyncapi": "3.0.0"}')

    with pytest.raises(ValueError, match="not a document of this service"):
        write(tmp_path)

    assert (tmp_path / ASYNCAPI).read_text() == '{"asyncapi": "3.0.0"}'
