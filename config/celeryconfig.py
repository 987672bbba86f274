"""Celery's settings: SQS FIFO as the broker, JSON only, no results."""

from typing import Any

from django.conf import settings
from kombu.entity import Queue

from celery_sqs_fifo import TRANSPORT

QUEUE = "conversations.fifo"

broker_url = "sqs://"
broker_transport = TRANSPORT
broker_transport_options: dict[str, Any] = {
    "region": settings.SQS_CONVERSATION_REGION,
    "predefined_queues": {QUEUE: {"url": settings.SQS_CONVERSATION_QUEUE_URL}},
    "event_rules": "tasks.event_rules:RULES",
    "consumer": {
        "dead_letter_queue_url": settings.SQS_CONVERSATION_DLQ_URL,
        "probe": "tasks.health.probe",
        "batch_size": settings.WORKER_BATCH_SIZE,
        "liveness_file": settings.WORKER_LIVENESS_FILE or None,
        "gather_for": settings.SQS_GATHER_MS / 1000,
        "wait_time": settings.SQS_POLL_SECONDS,
        "visibility_timeout": settings.SQS_CONVERSATION_VISIBILITY_TIMEOUT,
    },
    # Limit the duration of each call, because publishing waits for the response.
    "client-config": {
        "connect_timeout": 2,
        "read_timeout": 5,
        "retries": {"mode": "standard", "total_max_attempts": 3},
    },
}
broker_connection_retry_on_startup = True
broker_connection_max_retries = None

include = (
    "tasks.pipeline",
    "tasks.closing",
    "tasks.datalake",
    "tasks.deadletters",
    "tasks.erasing",
    "tasks.retention",
    "tasks.rollups",
    "tasks.health",
)
task_queues = (Queue(QUEUE, routing_key=QUEUE),)
task_default_queue = QUEUE
task_create_missing_queues = False
task_ignore_result = True
# Disable beat's clean-up of results. There are no results, and its task has no message group.
result_expires = None
task_serializer = "json"
accept_content = ("json",)

# One message per process. All others wait in the gate, which keeps their order.
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_redirect_stdouts = False
# Worker events and remote control use a second broker. Celery's own would use the events' queue.
control_broker_url = settings.CELERY_CONTROL_URL
control_broker_setting = "CELERY_CONTROL_URL"
worker_enable_remote_control = False
worker_send_task_events = bool(settings.CELERY_CONTROL_URL)
# Longer than any bounded operation, so that only a task that hangs is ended.
task_soft_time_limit = 600
task_time_limit = 660

beat_scheduler = "operations.scheduler:ResilientScheduler"
timezone = "UTC"
