"""Makes the fixtures of the end-to-end tests available to tests of faults that last for minutes."""

from tests.e2e.conftest import batch_size, service, sqs_server

__all__ = ("batch_size", "service", "sqs_server")
