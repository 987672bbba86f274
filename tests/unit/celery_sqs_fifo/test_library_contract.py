"""The private and undocumented parts of its libraries that celery_sqs_fifo uses.

If an upgrade changes such a part, a test here fails. Its message names the part and the module that
uses it.
"""

import inspect
import json
import tomllib
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import billiard.einfo
import boto3
import kombu.message
import pytest
from billiard.pool import Pool as BilliardPool
from celery.app import amqp
from celery.app import trace as celery_trace
from celery.app.control import Control
from celery.app.task import Context, Task
from celery.concurrency.asynpool import AsynPool
from celery.events.dispatcher import EventDispatcher
from celery.events.event import get_exchange
from celery.exceptions import Reject
from celery.worker import loops, strategy
from celery.worker import state as worker_state
from celery.worker.consumer import Consumer
from celery.worker.consumer import events as consumer_events
from celery.worker.request import Request, create_request_cls
from kombu import pidbox
from kombu.asynchronous import Hub
from kombu.connection import Connection
from kombu.transport import SQS
from kombu.transport import redis as redis_transport
from kombu.transport.virtual import base as virtual
from kombu.utils.json import dumps

from tests.support.chain_app import fifo_app

PYPROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"
QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/123456789012/q.fifo"


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(("library", "pinned"), [("celery", "5.7.0"), ("kombu", "5.7.0")])
def test_celery_and_kombu_have_the_versions_that_this_module_describes(
    library: str, pinned: str
) -> None:
    required = " ".join(tomllib.loads(PYPROJECT.read_text())["project"]["dependencies"])

    assert version(library) == pinned, (
        f"{library} is {version(library)}: check the parts in this module, then change its version."
    )
    assert f"{library}=={pinned}" in required.replace("[redis,sqs]", ""), (
        f"pyproject.toml must pin {library} exactly, because the transport uses its private parts."
    )


@pytest.mark.parametrize(("library", "major_minor"), [("billiard", "4.3"), ("vine", "5.1")])
def test_billiard_and_vine_have_the_minor_versions_that_this_module_describes(
    library: str, major_minor: str
) -> None:
    assert version(library).startswith(f"{major_minor}."), (
        f"{library} is {version(library)}: check requests and calls, then change its version."
    )


@pytest.mark.parametrize(
    ("function", "expected", "needed_by"),
    [
        (virtual.Message.__init__, ["self", "payload", "channel", "kwargs"], "transport.Message"),
        (
            virtual.Channel.basic_consume,
            ["self", "queue", "no_ack", "callback", "consumer_tag", "kwargs"],
            "transport.Channel.basic_consume",
        ),
        (SQS.Channel.basic_cancel, ["self", "consumer_tag"], "transport.Channel.basic_cancel"),
        (
            SQS.Channel.basic_ack,
            ["self", "delivery_tag", "multiple"],
            "transport.Channel.basic_ack",
        ),
        (
            SQS.Channel.basic_reject,
            ["self", "delivery_tag", "requeue"],
            "transport.Channel.basic_reject",
        ),
        (SQS.Channel._restore, ["self", "message", "unwanted_delivery_info"], "transport._restore"),
        (SQS.Channel._put, ["self", "queue", "message", "kwargs"], "transport.Channel._put"),
        (SQS.Channel._new_queue, ["self", "queue", "kwargs"], "transport (the queue's URL)"),
        (SQS.Channel._schedule_queue, ["self", "queue"], "transport (replaces kombu's polling)"),
        (SQS.Channel.sqs, ["self", "queue"], "transport.Channel._put"),
        (
            SQS.Channel.new_sqs_client,
            ["self", "region", "access_key_id", "secret_access_key", "session_token"],
            "transport.Channel.new_sqs_client",
        ),
        (virtual.Channel.encode_body, ["self", "body", "encoding"], "transport.encode_body"),
        (virtual.QoS.ack, ["self", "delivery_tag"], "transport (forgetting a message)"),
        (
            Request._announce_revoked,
            ["self", "reason", "terminated", "signum", "expired"],
            "request.FifoRequest",
        ),
        (
            Request.on_failure,
            ["self", "exc_info", "send_failed_event", "return_ok"],
            "request.FifoRequest",
        ),
        (Request.reject, ["self", "requeue"], "request.FifoRequest"),
        (
            celery_trace.trace_task,
            ["task", "uuid", "args", "kwargs", "request", "opts"],
            "task.EventTask",
        ),
        (Hub.call_soon, ["self", "callback", "args"], "sqs_calls, consumer"),
        (Hub.call_later, ["self", "delay", "callback", "args"], "all delayed calls"),
        (Hub.call_repeatedly, ["self", "delay", "callback", "args"], "consumer, liveness"),
        (Hub.run_once, ["self"], "consumer.stop"),
        (Hub.add, ["self", "fd", "callback", "flags", "args", "consolidate"], "http.HttpClient"),
        (Hub.remove, ["self", "fd"], "http.HttpClient"),
        (Hub._pop_ready, ["self"], "event_loop.Survival"),
        (
            Hub.fire_timers,
            ["self", "min_delay", "max_delay", "max_timers", "propagate"],
            "event_loop.Survival",
        ),
    ],
)
def test_a_private_function_has_the_parameters_that_are_used(
    function: Callable[..., Any], expected: list[str], needed_by: str
) -> None:
    assert parameters(function) == expected, (
        f"{function.__qualname__} has other parameters now: {needed_by} calls or overrides it."
    )


def test_kombu_creates_its_clients_with_the_method_that_is_overridden() -> None:
    source = inspect.getsource(SQS.Channel.sqs)

    assert "self.new_sqs_client(" in source, (
        "SQS.Channel.sqs creates clients differently: the transport's time limits would be lost."
    )


def test_a_boto3_client_has_the_credentials_that_it_signs_with() -> None:
    client: Any = boto3.client(
        "sqs", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="s"
    )

    assert client._get_credentials().get_frozen_credentials().access_key == "a", (
        "A client's credentials have moved: signing.Signer signs with them."
    )


def test_the_event_loop_uses_the_attributes_of_the_hub_that_are_replaced() -> None:
    source = inspect.getsource(Hub.create_loop)

    for name in ("self._pop_ready()", "self.fire_timers"):
        assert name in source, (
            f"Hub.create_loop does not use {name}: event_loop.Survival guards it."
        )
    assert "hub.create_loop()" in inspect.getsource(loops.asynloop), (
        "The worker creates its loop differently: event_loop.Survival keeps it running."
    )


def test_the_pool_registers_a_process_before_it_starts_it() -> None:
    source = inspect.getsource(BilliardPool._create_worker_process)
    steps = ("self._pool.append(w)", "self._process_register_queues(w", "w.start()")

    places = [source.find(step) for step in steps]
    assert -1 < places[0] < places[1] < places[2], (
        "A process that does not start may be forgotten now: pool_repair._create does that."
    )
    assert "worker_before_create_process.send(sender=self)" in inspect.getsource(
        AsynPool._create_worker_process
    ), "The pool sends no signal before it creates a process: pool_repair.guard_pool needs it."
    assert parameters(AsynPool._find_worker_queues) == ["self", "proc"]


def test_celery_ends_a_worker_whose_first_processes_have_ended() -> None:
    assert "not obj.pool.did_start_ok()" in inspect.getsource(loops.asynloop), (
        "A worker may survive the end of its first processes: pool_repair replaces did_start_ok."
    )


def test_a_flush_drops_the_jobs_that_no_process_has_accepted() -> None:
    source = inspect.getsource(AsynPool.flush)
    assert "for job in tuple(self._cache.values()):\n            if not job._accepted:" in source, (
        "The pool may keep the jobs that were written to a process: pool_repair._flush does that."
    )


def test_celery_restarts_its_consumer_after_an_oserror() -> None:
    assert OSError in SQS.Transport.connection_errors, (
        "An OSError no longer means a lost connection: event_loop.Survival may be unnecessary."
    )


def test_a_transport_knows_its_channels() -> None:
    with Connection("memory://") as connection:
        channel = connection.default_channel
        transport = connection.transport

        assert channel in [*transport.channels, *transport._avail_channels], (
            "Transport.channels no longer exists: transport gives them the loop after a restart."
        )


@pytest.mark.parametrize("name", ["conninfo", "region", "transport_options"])
def test_a_channel_has_the_properties_that_are_read(name: str) -> None:
    assert isinstance(inspect.getattr_static(SQS.Channel, name), property) or hasattr(
        SQS.Channel, name
    ), f"SQS.Channel.{name} no longer exists: transport reads it."


def test_a_channel_knows_the_workers_event_loop() -> None:
    source = inspect.getsource(SQS.Channel.__init__)

    assert "self.hub = " in source, "SQS.Channel sets no `hub`: transport calls SQS on that loop."


def test_a_message_returns_the_body_that_is_in_its_cache() -> None:
    message = kombu.message.Message(body=b"never read", content_type="application/json")
    message._decoded_cache = ((), {}, {})

    assert message.payload == message.decode() == ((), {}, {}), (
        "kombu's Message ignores _decoded_cache: the worker's main process would parse every event."
    )


@pytest.fixture
def channel() -> Iterator[Any]:
    with Connection("memory://") as connection:
        yield connection.default_channel


def raw_message(tag: str = "tag") -> dict[str, Any]:
    info = {"exchange": "", "routing_key": "q"}
    return {
        "body": "{}",
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "headers": {},
        "properties": {"delivery_tag": tag, "delivery_info": info},
    }


def test_a_consumer_receives_messages_through_the_transports_callbacks(channel: Any) -> None:
    received: list[Any] = []
    virtual.Channel.basic_consume(channel, "q", False, received.append, "consumer")
    channel.connection._callbacks["q"](raw_message())

    assert [message.delivery_tag for message in received] == ["tag"], (
        "Transport._callbacks accepts no raw message: transport passes messages to it."
    )
    assert channel._tag_to_queue == {"consumer": "q"}, (
        "Channel._tag_to_queue no longer exists: transport finds a consumer's queue in it."
    )


def test_closing_a_channel_cancels_its_consumers_and_then_restores_unsettled_messages(
    channel: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert SQS.Channel.do_restore is True, "SQS.Channel restores nothing when it closes."
    calls: list[str] = []
    monkeypatch.setattr(channel, "do_restore", True)
    monkeypatch.setattr(channel, "basic_cancel", calls.append)
    monkeypatch.setattr(channel, "_restore", lambda message: calls.append(message.delivery_tag))
    virtual.Channel.basic_consume(channel, "q", False, lambda _message: None, "consumer")
    for tag in ("settled", "unsettled"):
        channel.connection._callbacks["q"](raw_message(tag))
    channel.qos.ack("settled")
    virtual.Channel.close(channel)

    assert calls == ["consumer", "unsettled"], (
        "Channel.close does not cancel and then _restore: transport then gives back messages."
    )


def test_an_unlimited_prefetch_is_a_count_of_zero(channel: Any) -> None:
    assert channel.qos.prefetch_count == 0, (
        "QoS.prefetch_count is not 0 without a limit: transport computes the pool's room from it."
    )


def test_callbacks_on_the_loop_are_called_and_timers_can_be_cancelled() -> None:
    hub, called = Hub(), list[str]()
    try:
        hub.call_soon(called.append, "soon")
        hub.call_later(0, called.append, "later")
        hub.call_later(0, called.append, "cancelled").cancel()
        hub.call_repeatedly(0.001, called.append, "again")
        for _ in range(5):
            hub.run_once()
    finally:
        hub.close()

    assert {"soon", "later", "again"} == set(called), (
        "The hub's timers do not fire or cannot be cancelled, as in kombu 5.5.4: the worker would "
        "retry, renew and flush nothing."
    )
    assert called.count("later") == 1
    assert called.count("again") > 1


def test_billiards_wrapper_contains_the_error() -> None:
    error = EOFError()

    assert billiard.einfo.ExceptionWithTraceback(error, "").exc is error, (
        "ExceptionWithTraceback.exc no longer exists: request.FifoRequest unwraps outcomes with it."
    )


def test_a_reject_in_a_task_is_the_info_of_its_trace() -> None:
    app = fifo_app()

    def rejects(_batch: Any) -> None:
        raise Reject("outcomes", True)

    app.tasks["ordinary"].run = rejects
    request = {"id": "1", "delivery_info": {}, "ignore_result": True}
    traced = celery_trace.trace_task(app.tasks["ordinary"], "1", ([],), {}, request, app=app)

    assert traced._fields == ("retval", "info", "runtime", "retstr"), (
        "trace_task returns another tuple: task.EventTask reads its `info`."
    )
    assert isinstance(traced.info.retval, Reject), (
        "The info of a trace does not contain the task's Reject: task.EventTask raises it again."
    )
    assert Reject("outcomes", True).reason == "outcomes", "EventsFailed uses Reject.reason."


def test_celery_publishes_the_next_step_from_the_chain_of_a_request() -> None:
    source = inspect.getsource(celery_trace.build_tracer)

    assert Context.chain is None, "task.EventTask takes its steps from Context.chain."
    assert Context({"chain": [1]}).chain == [1]
    assert "task_request.chain" in source, (
        "The tracer no longer takes the next step from request.chain: task.EventTask empties that "
        "so that no step is published."
    )


def test_a_pool_process_runs_the_call_method_of_a_task() -> None:
    assert "task_has_custom(task, '__call__')" in inspect.getsource(celery_trace.build_tracer), (
        "The tracer does not run a task's own __call__, which sets outcomes."
    )
    assert hasattr(Task, "request_stack")
    assert "called_directly" in vars(Context), "FifoTask.__call__ reads request.called_directly."


def test_a_celery_message_of_version_2_contains_the_chain_and_argsrepr() -> None:
    message = fifo_app().amqp.as_task_v2(
        "id",
        "first",
        args=([],),
        chain=[{"task": "second"}],
        argsrepr="(ids)",
        kwargsrepr="{}",
        ignore_result=True,
    )
    args, kwargs, embed = message.body

    assert isinstance(message, amqp.task_message)
    assert (args, kwargs, embed["chain"]) == (([],), {}, [{"task": "second"}]), (
        "as_task_v2 embeds the chain elsewhere: envelope.Envelope sends the steps in it."
    )
    assert message.headers["argsrepr"] == "(ids)", (
        "as_task_v2 ignores argsrepr: logs would contain events."
    )
    assert json.loads(dumps(message.body)) == [[[]], {}, embed]


def test_the_worker_creates_requests_of_the_class_that_a_task_names() -> None:
    assert "symbol_by_name(task.Request)" in inspect.getsource(strategy.default), (
        "The worker ignores Task.Request: outcomes would not reach the channel."
    )
    made = create_request_cls(Request, fifo_app().tasks["first"], _NoPool(), "host", None)
    assert set(vars(made)) & {"on_failure", "_announce_revoked", "reject"} == set(), (
        "create_request_cls overrides methods of request.FifoRequest."
    )


def test_the_worker_does_not_decode_messages_of_version_2() -> None:
    source = inspect.getsource(strategy.default)

    assert "if body is None and 'args' not in message.payload" in source, (
        "The strategy recognizes protocols differently: transport.Message presets the payload."
    )


def test_the_same_method_announces_and_acknowledges_a_revoked_task() -> None:
    source = inspect.getsource(Request._announce_revoked)

    assert "self.acknowledge()" in source, "Celery acknowledges revoked tasks elsewhere."
    assert "_announce_revoked" in inspect.getsource(Request.revoked)
    assert "_announce_revoked" in inspect.getsource(Request.on_failure)
    assert "_announce_revoked" in inspect.getsource(Request.terminate)


def test_a_request_is_settled_once() -> None:
    for settle in (Request.acknowledge, Request.reject):
        assert "if not self.acknowledged" in inspect.getsource(settle), (
            f"{settle.__qualname__} settles twice: FifoRequest rejects before Celery acknowledges."
        )


def test_the_task_determines_when_it_is_acknowledged() -> None:
    task = fifo_app().tasks["first"]

    assert (task.acks_late, task.acks_on_failure, task.acks_on_timeout) == (True, False, False), (
        "acks_on_failure_or_timeout no longer prevents failed tasks from being acknowledged."
    )


class _NoPool:
    def apply_async(self, *_args: Any, **_options: Any) -> None:
        """See celery.concurrency.base.BasePool."""


def test_one_method_of_the_dispatcher_publishes_all_events() -> None:
    for method in (EventDispatcher.send, EventDispatcher.publish):
        assert "self._publish(" in inspect.getsource(method), (
            "EventDispatcher publishes elsewhere: control.events passes events on in _publish."
        )
    assert parameters(EventDispatcher.__init__)[:4] == ["self", "connection", "hostname", "enabled"]
    assert parameters(EventDispatcher.enable) == ["self"], "control.events replaces it."
    for name in ("mutex", "_closed", "on_enabled", "groups"):
        assert f"self.{name} = " in inspect.getsource(EventDispatcher.__init__), name


def test_the_worker_requests_heartbeats_only_if_the_dispatcher_has_a_connection() -> None:
    assert "if not connection:" in inspect.getsource(loops._enable_amqheartbeats), (
        "The loop would open the dispatcher's connection, which control.events removes."
    )
    assert "if dispatcher.connection:" in inspect.getsource(consumer_events.Events._close)


def test_events_on_a_redis_broker_go_to_all_listeners() -> None:
    with Connection("redis://127.0.0.1:9/0") as connection:
        assert get_exchange(connection, name="celeryev").type == "fanout"


def test_the_mailbox_has_the_private_parts_that_remote_control_uses() -> None:
    assert parameters(pidbox.Mailbox.producer_or_acquire) == ["self", "producer", "channel"]
    assert pidbox.Mailbox.node_cls is pidbox.Node
    assert Control.Mailbox is pidbox.Mailbox
    assert parameters(pidbox.Node.handle) == ["self", "method", "arguments"]
    assert parameters(pidbox.Node.handle_message) == ["self", "body", "message"]
    assert "handle = reply_to and self.handle_call or self.handle_cast" in inspect.getsource(
        pidbox.Node.dispatch
    )
    assert "routing_key=reply_to['routing_key']" in inspect.getsource(pidbox.Node.dispatch)
    assert "f'{oid}.{self.reply_exchange.name}'" in inspect.getsource(
        pidbox.Mailbox.get_reply_queue
    ), "The queue of replies has another name: control.publisher sets its expiry."


def test_the_redis_transport_can_check_the_health_of_a_silent_broker() -> None:
    poller = redis_transport.MultiChannelPoller()

    poller.maybe_check_subclient_health()
    assert hasattr(redis_transport.Channel, "client"), "control.publisher sets a queue's expiry."
    assert redis_transport.Channel.keyprefix_queue == "_kombu.binding.%s", "control.listener."


def test_the_worker_has_the_private_parts_that_remote_commands_use() -> None:
    assert hasattr(worker_state, "should_stop"), "the command shutdown sets it."
    assert "should_stop" in inspect.getsource(worker_state.maybe_shutdown)
    assert parameters(Consumer._update_prefetch_count) == ["self", "index"]
    assert "self.task_consumer.cancel_by_queue" in inspect.getsource(Consumer.cancel_task_queue)
    assert parameters(Consumer.add_task_queue)[:2] == ["self", "queue"]
    assert "'register_with_event_loop', args=(hub,)" in inspect.getsource(
        Consumer.register_with_event_loop
    ), "Steps do not receive the event loop: it wakes control.listener."


def test_a_request_sends_its_events_through_one_method() -> None:
    assert parameters(Request.send_event) == ["self", "type", "fields"]
    assert parameters(Request.info) == ["self", "safe"]
    assert "self._already_revoked = True" in inspect.getsource(Request._announce_revoked)
    assert "if events:\n                self.send_event(" in inspect.getsource(
        create_request_cls
    ), "task-succeeded is sent elsewhere: FifoRequest keeps it back."
