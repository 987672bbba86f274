"""The kombu transport that connects Celery to SQS FIFO queues.

Set `broker_url = "sqs://"` and `broker_transport = "celery_sqs_fifo.transport:Transport"`.
In addition to kombu's transport options (`predefined_queues`, `region`, `client-config`), set
`event_rules` to an `EventRules` or its dotted path, and `consumer` to a mapping of the fields of
`Options`. boto3 provides the credentials and endpoints.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from celery import current_app
from celery.exceptions import ImproperlyConfigured
from kombu.asynchronous import set_event_loop
from kombu.transport import SQS
from kombu.transport.virtual import base as virtual
from kombu.utils.imports import symbol_by_name
from kombu.utils.json import dumps

import celery_sqs_fifo.pool_repair  # noqa: F401 (importing it connects it to a signal)
from celery_sqs_fifo.aws import bounded_client, ca_bundle, refusing_wrong_settings
from celery_sqs_fifo.consuming.causes import CauseNumbers
from celery_sqs_fifo.consuming.consumer import QueueConsumer
from celery_sqs_fifo.consuming.deadline import bound_shutdown
from celery_sqs_fifo.consuming.held import HeldEvents
from celery_sqs_fifo.consuming.http import HttpClient
from celery_sqs_fifo.consuming.signing import Signer
from celery_sqs_fifo.consuming.solo_leases import LeaseRenewal, MainProcess
from celery_sqs_fifo.consuming.sqs_calls import Calls
from celery_sqs_fifo.delivery import DONE, Outcome
from celery_sqs_fifo.event_loop import Survival
from celery_sqs_fifo.event_rules import EventRules
from celery_sqs_fifo.options import Options
from celery_sqs_fifo.running.envelope import Envelope
from celery_sqs_fifo.running.task import UnsupportedOnFifo
from celery_sqs_fifo.timers import FORGET_EVERY, forget_cancelled

survival = Survival()


class Message(virtual.Message):
    """A message whose body is decoded by the pool processes, not by the worker's main process."""

    def __init__(self, payload: dict[str, Any], channel: Any = None, **options: Any) -> None:
        super().__init__(payload, channel=channel, **options)
        # Celery inspects the decoded body to detect protocol 1. This value has protocol 2's shape.
        self._decoded_cache = ((), {}, {})


class Channel(SQS.Channel):
    """Consumes each queue with a QueueConsumer instead of kombu's polling."""

    Message = Message

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._queue_consumers: dict[str, QueueConsumer] = {}
        # Consumers of cancelled queues whose messages are still running.
        self._retired: list[QueueConsumer] = []
        self._is_handing_over = False
        self._cancels_without_waiting = False
        self._outcomes: dict[str, Outcome | list[Outcome]] = {}

    def basic_consume(
        self, queue: str, no_ack: bool, callback: Any, consumer_tag: str, **options: Any
    ) -> None:
        """Start consuming.

        Raise ImproperlyConfigured for `no_ack`, a queue that is not FIFO, or wrong AWS settings.
        """
        if self.hub is None:
            raise ImproperlyConfigured(
                "this transport runs on Celery's event loop: use --pool prefork, threads or solo."
            )
        if no_ack or not self._new_queue(queue).endswith(".fifo"):
            raise ImproperlyConfigured(
                f"{queue}: this transport consumes only FIFO queues, with acknowledgement."
            )
        virtual.Channel.basic_consume(self, queue, no_ack, callback, consumer_tag, **options)
        bound_shutdown(self._options.shutdown_within)
        # kombu counts botocore's errors as connection errors, so Celery would connect again and
        # again.
        with refusing_wrong_settings():
            consumer = self._queue_consumer(queue)
        self._queue_consumers[queue] = consumer
        consumer.start()

    def basic_cancel(self, consumer_tag: str) -> None:
        """Stop consuming and return held messages to SQS.

        Wait for open SQS calls, except within `without_waiting`.
        """
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        if queue not in self._queue_consumers:
            return
        self._queue_consumers[queue].stop(at_once=not self._cancels_without_waiting)
        if self._cancels_without_waiting:
            self._retired.append(self._queue_consumers.pop(queue))
            self._close_retired()

    @contextmanager
    def without_waiting(self) -> Iterator[None]:
        """Within the block, cancel queues without waiting for SQS, because the worker continues."""
        self._cancels_without_waiting = True
        try:
            yield
        finally:
            self._cancels_without_waiting = False

    def causes(self) -> dict[str, list[CauseNumbers]]:
        """Return the causes of each consumed queue (`QueueConsumer.causes`), by queue."""
        return {queue: consumer.causes() for queue, consumer in self._queue_consumers.items()}

    def held_events(self) -> dict[str, HeldEvents]:
        """Return a report about the events that will run again, by consumed queue."""
        return {queue: consumer.held_events() for queue, consumer in self._queue_consumers.items()}

    def release_cause(self, cause: str) -> int:
        """Reset the quota of a cause, make its parked events visible, and return their number."""
        return sum(consumer.release_cause(cause) for consumer in self._queue_consumers.values())

    def note_outcomes(self, delivery_tag: str, outcomes: Outcome | list[Outcome]) -> None:
        """Store the outcomes of a message. Celery then rejects it, which settles them."""
        self._outcomes[delivery_tag] = outcomes

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Settle a message that took effect."""
        self.qos.ack(delivery_tag)
        self._settle(delivery_tag, DONE)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Settle a message that did not take effect. Never drop it, whatever `requeue` is."""
        self.qos.ack(delivery_tag)
        outcomes = self._outcomes.pop(delivery_tag, None)
        if self._is_handing_over:
            # Celery rejects a task that it does not know during the handover. Settling it hands
            # over the next message, so many such tasks would cause deep recursion.
            hub: Any = self.hub
            hub.call_soon(self._settle, delivery_tag, outcomes)
        else:
            self._settle(delivery_tag, outcomes)

    def close(self) -> None:
        """Stop, and return the running messages to SQS (cold shutdown)."""
        if not self.closed:
            super().close()
            for consumer in self._retired:
                consumer.stop()
            for consumer in self._consumers_of_queues:
                consumer.close()

    @property
    def _consumers_of_queues(self) -> list[QueueConsumer]:
        return [*self._queue_consumers.values(), *self._retired]

    def _settle(self, delivery_tag: str, outcomes: Outcome | list[Outcome] | None) -> None:
        """Pass a delivery's outcome to all consumers. Only the one that handed it over uses it."""
        for consumer in self._consumers_of_queues:
            consumer.settle(delivery_tag, outcomes)
        self._close_retired()

    def _close_retired(self) -> None:
        for consumer in [retired for retired in self._retired if not retired.running]:
            self._retired.remove(consumer)
            consumer.close()

    def _restore(self, message: Any, unwanted_delivery_info: Any = ()) -> None:
        for consumer in self._consumers_of_queues:
            consumer.release_running(message.delivery_tag)

    def _put(self, queue: str, message: dict[str, Any], **options: Any) -> None:
        """Publish a message. Raise UnsupportedOnFifo if it has no group, which ordering needs."""
        self.sqs(queue=queue).send_message(QueueUrl=self._new_queue(queue), **_sqs_form(message))

    def put_all(self, queue: str, messages: Sequence[dict[str, Any]]) -> list[int]:
        """Publish up to ten messages in one call. Return the indexes of those that SQS refused.

        Raise UnsupportedOnFifo if a message has no group. Errors of botocore are raised too.
        """
        answer = self.sqs(queue=queue).send_message_batch(
            QueueUrl=self._new_queue(queue),
            Entries=[
                {"Id": str(index), **_sqs_form(message)} for index, message in enumerate(messages)
            ],
        )
        return [int(failed["Id"]) for failed in answer.get("Failed", ())]

    def new_sqs_client(
        self,
        region: str | None,
        access_key_id: str | None,
        secret_access_key: str | None,
        session_token: str | None = None,
    ) -> Any:
        """Create the SQS client that kombu uses for a queue, with this library's time limits."""
        return bounded_client(
            config=self.transport_options.get("client-config") or {},
            endpoint_url=self.endpoint_url,
            use_ssl=self.is_secure is not False,
            region_name=region,
            aws_access_key_id=access_key_id,
            aws_secret_access_key=secret_access_key,
            aws_session_token=session_token,
        )

    def _size(self, queue: str) -> int:
        """Return 0. The size is not used, so this saves an SQS call and its permission."""
        return 0

    def encode_body(self, body: Any, encoding: str | None = None) -> tuple[Any, str | None]:
        """Return the body unchanged. It is JSON already, and stays readable on the queue."""
        return body, None

    def _schedule_queue(self, queue: str) -> None:
        """Do nothing, because QueueConsumer replaces kombu's polling."""

    @property
    def _options(self) -> Options:
        return Options(**self.transport_options["consumer"])

    def _queue_consumer(self, queue: str) -> QueueConsumer:
        return QueueConsumer(
            queue_url=self._new_queue(queue),
            options=self._options,
            calls=Calls(
                signer=Signer(self.sqs(queue=queue)),
                http=HttpClient(hub=self.hub, ca_bundle=ca_bundle()),
                hub=self.hub,
            ),
            envelope=Envelope(
                app=current_app,
                queue=queue,
                rules=_event_rules(self.transport_options),
            ),
            hub=self.hub,
            room=self._room,
            hand_over=partial(self._hand_over, self.connection._callbacks[queue]),
        )

    def _hand_over(self, callback: Callable[[Any], None], message: dict[str, Any]) -> None:
        self._is_handing_over = True
        try:
            with self._leases_kept():
                callback(message)
        finally:
            self._is_handing_over = False

    @contextmanager
    def _leases_kept(self) -> Iterator[None]:
        """Renew all leases during the block if this process runs tasks, as under the solo pool."""
        with ExitStack() as stack:
            for queue, consumer in self._queue_consumers.items() if MainProcess.runs_tasks else ():
                renewal = LeaseRenewal(
                    client=self.sqs(queue=queue),
                    queue_url=self._new_queue(queue),
                    timeout=self._options.visibility_timeout,
                    max_hold=self._options.max_hold,
                )
                stack.enter_context(renewal.of(consumer.leased))
            yield

    def _room(self) -> int:
        """Return how many more messages fit: Celery's prefetch count minus the running ones."""
        running = sum(consumer.running for consumer in self._consumers_of_queues)
        return (self.qos.prefetch_count or 1_000_000) - running


def _event_rules(options: Mapping[str, Any]) -> EventRules:
    """Return the configured EventRules. Raise ImproperlyConfigured if there are none."""
    rules = symbol_by_name(options.get("event_rules"))
    if not isinstance(rules, EventRules):
        raise ImproperlyConfigured(
            "the transport option event_rules must be an EventRules, or the dotted path to one."
        )
    return rules


def _sqs_form(message: dict[str, Any]) -> dict[str, str]:
    """Return the SendMessage parameters for a kombu message. Raise UnsupportedOnFifo."""
    properties = message["properties"]
    if not (properties.get("MessageGroupId") and properties.get("MessageDeduplicationId")):
        raise UnsupportedOnFifo(
            "publishing to a FIFO queue needs a group: use a task based on FifoTask."
        )
    return {
        "MessageBody": dumps(message),
        "MessageGroupId": properties["MessageGroupId"],
        "MessageDeduplicationId": properties["MessageDeduplicationId"],
    }


class Transport(SQS.Transport):
    """Celery on SQS FIFO queues."""

    Channel = Channel

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Set up the event loop. The worker calls this after it has created the loop."""
        super().register_with_event_loop(connection, loop)
        survival.guard(loop)
        # When Celery restarts its consumer, kombu forgets the loop, although it stays in use.
        set_event_loop(loop)
        for channel in (*self.channels, *self._avail_channels):
            channel.hub = loop
        loop.call_repeatedly(FORGET_EVERY, forget_cancelled, loop.timer)
