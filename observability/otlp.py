"""Sending the traces of events to an OpenTelemetry collector, by OTLP over HTTP.

On where TRACING_ENABLED says so. All else is told by OpenTelemetry's own variables, which its SDK
reads: the collector's address, sampling, limits. Its packages are an optional extra, so nothing
here loads them unless tracing is on.
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


class Tracing:
    """What follows the events of this process; None where tracing is off."""

    tracer: "EventTracer | None" = None


@signals.worker_init.connect
def load(**_signal: Any) -> None:
    """Once, before the pool's processes begin, which would need a moment each."""
    if settings.TRACING_ENABLED:
        import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
        import_module("observability.event_tracer")


@signals.worker_process_init.connect
def start(**_signal: Any) -> None:
    """In each pool process for itself, because the thread that sends does not survive a fork.

    That thread has a bounded queue and drops what does not fit, so a collector that is slow or
    down holds up no event.
    """
    if not settings.TRACING_ENABLED:
        return
    from observability.event_tracer import EventTracer

    provider = new_provider()
    _providers.append(provider)
    Tracing.tracer = EventTracer(
        provider.get_tracer(SERVICE, VERSION),
        queue=queue_name(settings.SQS_CONVERSATION_QUEUE_URL),
    )


@signals.worker_ready.connect
def start_for_threads(sender: Any, **_signal: Any) -> None:
    """In the worker itself, where its pool is of threads: no process of it begins."""
    if isinstance(sender.pool, thread.TaskPool):
        start()


@signals.worker_process_shutdown.connect
@signals.worker_shutdown.connect
def stop(**_signal: Any) -> None:
    """Send what is left, for two seconds at most: where a pool process ends, else the worker.

    A pool process does not run what is registered with `atexit`.
    """
    if not _providers:
        return
    Tracing.tracer = None
    # Its own bound is half a minute (opentelemetry-sdk, BatchSpanProcessor).
    ending = threading.Thread(target=_providers.pop().shutdown, daemon=True)
    ending.start()
    ending.join(FLUSH_SECONDS)


def new_provider() -> "TracerProvider":
    """What makes spans in this process, and sends them in batches."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    # Each try to reach a collector that is down is a warning; one line when it is given up is left.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.ERROR)
    ours = Resource.create({"service.name": SERVICE, "service.version": VERSION})
    # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say counts more.
    provider = TracerProvider(
        resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
