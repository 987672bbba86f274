"""Reads the documentation: its pages, code and tables."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "celery_sqs_fifo" / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), LIBRARY])


def page(name: str) -> str:
    """Return the text of a page, by its path in the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def fenced(text: str, *, language: str) -> list[str]:
    """Return the code blocks of a language, without the indentation of the list around them."""
    blocks = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, flags=re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in blocks]


def code_of(text: str) -> list[str]:
    """Return the code spans, then the lines of all code blocks."""
    blocks = re.findall(r"```\w*\n(.*?)```", text, flags=re.DOTALL)
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    return [*spans, *(line for block in blocks for line in block.splitlines())]


def tables(text: str) -> list[list[list[str]]]:
    """Return the rows of each table, the head first, without the separator line."""
    found = re.findall(r"(?:^\|.*\|\n)+", text, flags=re.MULTILINE)
    return [
        [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()]
        for table in (re.sub(r"^\|[-|: ]+\|\n", "", one, flags=re.MULTILINE) for one in found)
    ]


def table_of(text: str, *, head: str) -> list[list[str]]:
    """Return the rows of the only table whose first column has this head, without the head."""
    (table,) = (table for table in tables(text) if table[0][0] == head)
    return table[1:]
