"""The service's stores and queues as local processes, for development, the demo and the tests."""
