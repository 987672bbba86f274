"""Statements are counted, and the longest one is named by its first word and its first table."""

import time

import pytest

from bench.common.statements import Statements, summary


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ('SELECT "a"."b" FROM "a" INNER JOIN "c" ON ("a"."d" = "c"."e")', "SELECT a"),
        ('DELETE FROM "a" WHERE "a"."b" IN (%s)', "DELETE a"),
        ('UPDATE "a" SET "b" = %s', "UPDATE a"),
        ('INSERT INTO "a" ("b") VALUES (%s)', "INSERT a"),
        ("SELECT 1", "SELECT"),
    ],
)
def test_a_statement_is_named_by_its_first_word_and_table(sql: str, named: str) -> None:
    assert summary(sql) == named


def test_statements_are_counted_and_the_longest_is_named() -> None:
    statements = Statements()

    def execute(_sql: str, seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    assert statements(execute, 'UPDATE "a" SET "b" = 1', 0.05) == 0.05
    assert statements(execute, "SELECT 1", 0.0) == 0.0

    assert (statements.count, statements.longest) == (2, "UPDATE a")
    assert statements.longest_seconds >= 0.05
