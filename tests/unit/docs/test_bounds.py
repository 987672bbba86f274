"""The tables of bounds and of labels in docs/metrics.md have the values of the code."""

import re
from pkgutil import resolve_name

import pytest

from observability.metrics import definitions
from tests.support.metrics_catalogue import Described, catalogue
from tests.support.pages import page, table_of

LABELS = table_of(page("docs/metrics.md"), head="Label")
ROWS = table_of(page("docs/metrics.md"), head="What")


@pytest.mark.parametrize(("what", "at_most", "name"), ROWS, ids=[row[2].strip("`") for row in ROWS])
def test_a_bound_is_that_of_the_code(what: str, at_most: str, name: str) -> None:
    assert resolve_name(name.strip("`")) == int(at_most.replace(",", "")), what


def test_the_table_has_each_bound_once() -> None:
    names = [row[2] for row in ROWS]

    assert len(names) == len(set(names)) > 10


def values_of(label: str, *, metric: str) -> list[str]:
    """Return the documented values of a metric's label, for which there must be one row."""
    (values,) = (
        values
        for cell, values in LABELS
        for name, *metrics in [re.findall(r"`([^`]+)`", cell)]
        if name == label and (not metrics or any(map(metric.startswith, metrics)))
    )
    return re.findall(r"`([^`]+)`", values)


@pytest.mark.parametrize("described", catalogue(), ids=lambda described: described.name)
def test_the_page_has_the_values_of_every_label(described: Described) -> None:
    for label in described.labels:
        values_of(label, metric=described.name)


@pytest.mark.parametrize(
    "metric",
    [
        metric
        for metric in vars(definitions).values()
        if isinstance(metric, definitions.Counter) and metric.values
    ],
    ids=lambda metric: metric.name,
)
def test_the_values_of_a_label_are_those_of_the_code(metric: definitions.Counter) -> None:
    (label,) = metric.labels

    assert sorted(values_of(label, metric=f"{metric.name}_total")) == sorted(metric.values)
