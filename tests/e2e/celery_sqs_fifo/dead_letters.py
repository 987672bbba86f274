"""Why events are in the dead-letter queue."""

from tests.e2e.conftest import FifoApp


def reasons(fifo_app: FifoApp) -> list[str]:
    """The reasons of all dead letters, sorted; the dead-letter queue is empty afterwards."""
    return sorted(
        letter["MessageAttributes"]["reason"]["StringValue"] for letter in fifo_app.dead_letters()
    )
