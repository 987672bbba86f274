"""All defined metrics are exported, and all exported metrics are defined."""

from prometheus_client.registry import Collector

from apps.conversations.scores import NoScore
from observability.flower.queues import QueueDepths, QueueMetrics
from observability.metrics import definitions
from observability.metrics.definitions import Metric
from tests.support.metrics_catalogue import Described, catalogue

OF_FLOWER = (definitions.FLOWER_QUEUE_MESSAGES, definitions.FLOWER_QUEUE_UP)


def defined() -> list[Metric]:
    """Return all metrics that the service defines."""
    return [one for one in vars(definitions).values() if isinstance(one, Metric)]


def described(metric: Metric) -> Described:
    """Convert a definition to the form of the catalogue."""
    kind = type(metric).__name__.lower()
    return Described(
        name=f"{metric.name}_total" if kind == "counter" else metric.name,
        type=kind,
        labels=metric.labels,
        meaning=metric.meaning,
    )


def test_a_worker_has_the_metrics_that_are_defined_and_no_others() -> None:
    of_service = {one for one in catalogue() if one.name.startswith("conversations_")}

    assert of_service == {described(metric) for metric in defined() if metric not in OF_FLOWER}


def test_flower_has_the_metrics_that_are_defined_and_no_others() -> None:
    metrics: Collector = QueueMetrics(QueueDepths(urls=[], sqs=lambda: None))  # type: ignore[arg-type,return-value]

    assert {(family.name, family.documentation) for family in metrics.collect()} == {
        (metric.name, metric.meaning) for metric in OF_FLOWER
    }


def test_every_reason_for_no_score_is_counted_from_zero() -> None:
    assert definitions.ANSWERS_WITHOUT_SCORE.values == tuple(NoScore.values)


def test_no_two_metrics_have_the_same_name() -> None:
    names = [metric.name for metric in defined()]

    assert len(set(names)) == len(names)
