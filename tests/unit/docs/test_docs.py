"""The settings, commands, paths, links and names in the documentation are those of the code."""

import json
import os
import re
import subprocess
import sysconfig
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from pkgutil import resolve_name
from unittest.mock import patch

import pytest
from django.core.management import get_commands
from pydantic.fields import FieldInfo

from apps.common.durations import as_text
from config.environment import Environment, read_environment
from tests.support.pages import PAGES, ROOT, code_of, fenced, page, table_of

PACKAGES = (
    *("apps", "bench", "celery_sqs_fifo", "config", "demo", "docsite", "embedded"),
    *("observability", "operations", "tasks", "testbed", "tests"),
)
OTHER_FOLDERS = ("deploy", "docs", "requirements", ".ci")
# Files that pages name although git does not contain them, because users create them.
MADE_BY_READERS = {".env", "event.json", "licences.md", "orders.py"}
SETTINGS = Environment.model_fields


def name_of(path: Path) -> str:
    """Return a page's path in the project."""
    return str(path.relative_to(ROOT))


def default_in_environment(setting: FieldInfo) -> str:
    """Return a default as a user would write it in the environment."""
    if setting.is_required():
        return "required"
    match setting.default:
        case "" | None | []:
            return "empty"
        case bool(value):
            return f"`{str(value).lower()}`"
        case timedelta() as duration:
            return f"`{as_text(duration)}`"
        case list(names):
            return f"`{','.join(names)}`"
        case value:
            return f"`{value}`"


def assignments(text: str, *, commented: bool = False) -> dict[str, str]:
    """Return the variables in a file like .env, including those that are commented out."""
    mark = "# " if commented else ""
    return dict(re.findall(rf"^{mark}([A-Z][A-Z_]+)=(.*)$", text, flags=re.MULTILINE))


def test_the_table_of_settings_matches_the_code() -> None:
    documented = table_of(page("docs/configuration.md"), head="Name")

    assert documented == [
        [
            f"`{name}`",
            s.description,
            default_in_environment(s),
            *(f"`{e}`" for e in s.examples or ()),
        ]
        for name, s in SETTINGS.items()
    ]


@pytest.mark.parametrize("name", SETTINGS)
def test_the_examples_of_settings_are_accepted(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (example,) = SETTINGS[name].examples or []
    if name.startswith("DATABASE_"):
        # The sources of a login need a URL without a password.
        monkeypatch.setenv("DATABASE_URL", "postgres://user@host/conversations?sslmode=verify-full")
    if name.endswith("_FILE"):
        path = tmp_path / Path(example).name
        path.write_text("password")
        example = str(path)
    if not example.startswith("the output of: "):
        monkeypatch.setenv(name, example)

    read_environment()


def test_the_readme_has_the_settings_without_a_default() -> None:
    documented = table_of(page("README.md"), head="Name")

    assert documented == [
        [f"`{name}`", s.description] for name, s in SETTINGS.items() if s.is_required()
    ]


def test_the_env_example_has_every_setting_and_is_accepted() -> None:
    values = assignments(page(".env.example"))

    assert values.keys() == SETTINGS.keys()
    with patch.dict(os.environ, values, clear=True):
        read_environment()


def test_the_env_example_names_every_variable_that_compose_reads() -> None:
    read_by_compose = set(re.findall(r"\$\{([A-Z_]+)", page("docker-compose.yml")))
    example = page(".env.example")

    assert read_by_compose <= assignments(example).keys() | assignments(example, commented=True)


def test_compose_accepts_the_env_example() -> None:
    docker_compose = Path(sysconfig.get_path("scripts")) / "docker-compose"
    result = subprocess.run(
        [docker_compose, "--env-file", ".env.example", "config", "--format", "json"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    worker = json.loads(result.stdout)["services"]["worker"]["environment"]
    values = assignments(page(".env.example"))
    taken = ("SECRET_KEY", "DATALAKE_URL", "AGENT_UUID_CSAT", "DEFAULT_TIMEZONE", "LOG_LEVEL")
    assert {name: worker[name] for name in taken} == {name: values[name] for name in taken}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_make_target_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", page("Makefile"), flags=re.MULTILINE))
    code = "\n".join(code_of(path.read_text(encoding="utf-8")))

    assert set(re.findall(r"\bmake ([a-z][a-z-]*)", code)) <= targets


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_management_command_exists(path: Path) -> None:
    named = re.findall(r"manage\.py ([a-z_]+)", path.read_text(encoding="utf-8"))

    assert set(named) <= set(get_commands())


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_relative_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        target, _, heading = link.partition("#")
        linked = path.parent / target if target else path
        # The site has no page for a folder.
        assert linked.is_file(), link
        if heading:
            assert heading in headings(linked), link


def headings(path: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_file_that_is_named_exists(path: Path) -> None:
    for name in named_paths(path.read_text(encoding="utf-8")):
        assert (ROOT / name).exists(), name


def test_every_module_of_the_layout_exists() -> None:
    (layout,) = fenced(page("docs/architecture.md"), language="text")
    modules = {path.name for folder in PACKAGES for path in (ROOT / folder).rglob("*.py")}
    modules |= {path.name for path in ROOT.glob("*.py")}

    named = set(re.findall(r"\b\w+\.py\b", layout))
    assert len(named) > 10
    assert named <= modules


def named_paths(text: str) -> Iterator[str]:
    """Return the paths in code spans: those in a folder of the project, or with a known suffix."""
    spans = re.findall(r"`([\w./-]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for span in spans:
        is_ours = span.startswith(tuple(f"{folder}/" for folder in (*PACKAGES, *OTHER_FOLDERS)))
        is_file = re.fullmatch(r"[\w./-]*\.(py|md|yml|toml|txt|in|jsonl|example|env)", span)
        if (is_ours or is_file) and span not in MADE_BY_READERS:
            yield span


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_python_name_that_is_named_exists(path: Path) -> None:
    pattern = rf"\b(?:{'|'.join(PACKAGES)})(?:\.\w+)+"
    spans = re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8"))
    for span in spans:
        if re.fullmatch(pattern, span) and not (ROOT / span).is_file():
            resolve_name(span)


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_json_example_is_json(path: Path) -> None:
    for block in fenced(path.read_text(encoding="utf-8"), language="json"):
        json.loads(block)
