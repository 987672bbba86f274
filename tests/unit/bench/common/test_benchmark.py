"""Each benchmark's page is rendered from its JSON file, and that file can be read again."""

import json
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.common import results
from bench.common.benchmark import Benchmark
from bench.common.tables import Table

BENCHMARKS: list[Benchmark[Any]] = [
    import_module(f"bench.{name}.page").BENCHMARK
    for name in (
        *("closing", "control", "entries", "event_cost", "figures", "growth", "retention"),
        "transport",
    )
]

each_benchmark = pytest.mark.parametrize("benchmark", BENCHMARKS, ids=lambda one: one.name)


def test_this_file_tests_every_benchmark() -> None:
    folders = {path.parent.name for path in (results.PROJECT_ROOT / "bench").glob("*/__main__.py")}

    assert {benchmark.template.parent.name for benchmark in BENCHMARKS} == folders


@each_benchmark
def test_the_published_page_comes_from_the_published_json(benchmark: Benchmark[Any]) -> None:
    run = benchmark.read(results.DOCS)

    assert run
    assert benchmark.render(run) == (results.DOCS / f"{benchmark.name}.md").read_text()


@each_benchmark
def test_the_published_json_has_the_whole_run(benchmark: Benchmark[Any]) -> None:
    run = benchmark.read(results.DOCS)

    assert run
    published = results.json_path(into=results.DOCS, name=benchmark.name).read_text()
    assert benchmark.as_json(run) == published


@each_benchmark
def test_a_written_result_can_be_read_again(
    benchmark: Benchmark[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = benchmark.read(results.DOCS)
    assert run
    monkeypatch.delenv("PUBLISH", raising=False)
    monkeypatch.setattr(results, "PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(results, "IGNORED", tmp_path)
    assert benchmark.read(tmp_path) is None

    benchmark.write(run, console=Console(quiet=True))

    assert benchmark.read(tmp_path) == run
    goals = json.loads(results.json_path(into=tmp_path, name=benchmark.name).read_text())["goals"]
    assert [goal["is_reached"] for goal in goals] == [
        goal.is_reached for goal in benchmark.goals(run.result)
    ]


@each_benchmark
def test_a_benchmark_prints_its_tables(benchmark: Benchmark[Any]) -> None:
    run = benchmark.read(results.DOCS)
    assert run
    printed = StringIO()

    benchmark.print(run.result, console=Console(file=printed, width=300))

    tables = [part for part in benchmark.parts(run.result).values() if isinstance(part, Table)]
    assert tables
    for table in tables:
        assert all(row[0] in printed.getvalue() for row in table.rows)
