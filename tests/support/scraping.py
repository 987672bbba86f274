"""Reads a page of Prometheus metrics."""

import urllib.request
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Scrape:
    """The samples of a scraped page, and the types of its metrics."""

    samples: dict[tuple[str, tuple[tuple[str, str], ...]], float]
    types: dict[str, str]

    def value(self, name: str, **labels: str) -> float:
        """Return the value of a time series. Raises KeyError if the page does not have it."""
        return self.samples[(name, tuple(sorted(labels.items())))]

    def labels_of(self, name: str) -> list[dict[str, str]]:
        """Return the labels of each time series with this name."""
        return [dict(labels) for sample, labels in self.samples if sample == name]


def scrape(port: int) -> Scrape:
    """Scrape the exporter on this port of 127.0.0.1."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return read(answer.read().decode())


def read(text: str) -> Scrape:
    """Parse the text of a page."""
    families: list[Any] = list(text_string_to_metric_families(text))
    samples = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }
    return Scrape(samples=samples, types={family.name: family.type for family in families})
