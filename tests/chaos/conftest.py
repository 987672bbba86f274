"""The service of the end-to-end tests, for faults that take minutes."""

from tests.e2e.conftest import batch_size, service, sqs_server

__all__ = ("batch_size", "service", "sqs_server")
