"""The reasons of dead letters."""

from tests.e2e.conftest import FifoApp


def reasons(fifo_app: FifoApp) -> list[str]:
    """Return the reasons of all dead letters, sorted, and empty the dead-letter queue."""
    return sorted(
        letter["MessageAttributes"]["reason"]["StringValue"] for letter in fifo_app.dead_letters()
    )
