"""Runs the histories of several contacts side by side, so that their messages share batches."""

from collections.abc import Iterable, Iterator

from celery_sqs_fifo import BatchItem
from celery_sqs_fifo.delivery import WAITING
from tasks.pipeline import handle_csat, persist_dynamo, process_message

# The largest batch of a worker.
MAX_BATCH = 25


def rounds(histories: Iterable[Iterator[list[BatchItem]]]) -> Iterator[None]:
    """Run the batches of several histories (`Run.batches`) to the end. Yield after each round.

    In each round, each history runs until it has a batch of messages. The messages of all these
    batches then run in larger batches.
    """
    going = list(histories)
    while going:
        batches = [(each, next(each, None)) for each in going]
        messages = [item for _, batch in batches for item in batch or ()]
        for start in range(0, len(messages), MAX_BATCH):
            deliver(messages[start : start + MAX_BATCH])
        going = [each for each, batch in batches if batch]
        yield


def deliver(batch: list[BatchItem]) -> None:
    """Run a batch through the three steps, as one delivery does."""
    while batch:
        for step in (process_message, persist_dynamo, handle_csat):
            step.run(batch)
        failed = [item.outcome for item in batch if item.outcome not in (None, WAITING)]
        assert not failed, failed
        # On a slow machine the rest of a batch waits for its next delivery, as in a worker.
        batch = [item for item in batch if item.outcome]
        for item in batch:
            item.outcome = None
