"""The part of DynamoDB that the store of messages uses, fast, with counts and faults on demand.

For benchmarks and chaos runs: moto's Query looks at every item of a table, so that they would
measure moto. What this model does not know it refuses. `tests/integration/test_dynamodb_server.py`
compares its answers with moto's. `running_dynamodb_server` runs it as a process of its own.
"""

from testbed.dynamodb.client import DynamoDbServer, running_dynamodb_server

__all__ = ["DynamoDbServer", "running_dynamodb_server"]
