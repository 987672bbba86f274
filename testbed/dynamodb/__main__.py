"""`python -m testbed.dynamodb` runs the server on a free port."""

import asyncio

from testbed.dynamodb.server import DynamoDb
from testbed.server.server import serve

if __name__ == "__main__":
    asyncio.run(serve(DynamoDb()))
