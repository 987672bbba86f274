"""Sends the traces of events to an OpenTelemetry collector, by OTLP over HTTP.

TRACING_ENABLED turns tracing on. OpenTelemetry's own environment variables configure the rest, such
as the collector's address, sampling and limits. The OpenTelemetry packages are an optional extra,
so this module imports them only if tracing is on.
"""

import logging
import threading
from importlib import import_module
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.concurrency import thread
from django.conf import settings

from apps.common.aws import queue_name
from apps.common.version import VERSION

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from observability.event_tracer import EventTracer

SERVICE = "conversation-service"
FLUSH_SECONDS = 2.0

_providers: list["TracerProvider"] = []


class ProcessTracing:
    """Holds the event tracer of this process, which is None if tracing is off."""

    tracer: "EventTracer | None" = None


@signals.worker_init.connect
def load(**_signal: Any) -> None:
    """Import the packages once, before the pool forks, so that its processes share them."""
    if settings.TRACING_ENABLED:
        import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        import_module("observability.event_tracer")


@signals.worker_process_init.connect
def start(**_signal: Any) -> None:
    """Start tracing in a pool process.

    Each process needs its own thread, because a fork does not copy threads. The thread that sends
    traces has a bounded queue and drops what does not fit. A collector that is slow or down
    therefore does not delay events.
    """
    if not settings.TRACING_ENABLED:
        return
    from observability.event_tracer import EventTracer

    provider = new_provider()
    _providers.append(provider)
    ProcessTracing.tracer = EventTracer(
        provider.get_tracer(SERVICE, VERSION),
        queue=queue_name(settings.SQS_CONVERSATION_QUEUE_URL),
    )


@signals.worker_ready.connect
def start_for_threads(sender: Any, **_signal: Any) -> None:
    """Start tracing in the worker's main process if its pool has threads instead of processes."""
    if isinstance(sender.pool, thread.TaskPool):
        start()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def stop(**_signal: Any) -> None:
    """Send the remaining traces when a process ends, for at most FLUSH_SECONDS.

    A signal is used because a pool process does not run functions registered with `atexit`.
    """
    if not _providers:
        return
    ProcessTracing.tracer = None
    # shutdown() itself may take 30 seconds (opentelemetry-sdk, BatchSpanProcessor).
    ending = threading.Thread(target=_providers.pop().shutdown, daemon=True)
    ending.start()
    ending.join(FLUSH_SECONDS)


def new_provider() -> "TracerProvider":
    """Return a provider that creates the spans of this process and sends them in batches."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Do not log a warning for each attempt to reach the collector, only the final error.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    ours = Resource.create({"service.name": SERVICE, "service.version": VERSION})
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES have precedence.
    provider = TracerProvider(
        resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
