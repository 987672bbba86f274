"""The app of the stock worker: `celery -A bench.common.stock_app worker`.

QUEUE_URL names its queue.
"""

import os

from bench.common.stock_tasks import make_app

app = make_app(queue_url=os.environ["QUEUE_URL"])
