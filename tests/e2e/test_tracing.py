"""The traces of a real worker with two pool processes, including the spans sent when it stops."""

from uuid import uuid4

from tests.e2e.conftest import any_batch_size
from tests.support.builders import message_body
from tests.support.running_service import Service
from tests.support.trace_collector import running_trace_collector

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTACTS = 4


def send_with_a_trace(service: Service, *, body: str, group: str) -> None:
    service.sqs.send_message(
        QueueUrl=service.queue_url,
        MessageBody=body,
        MessageGroupId=group,
        MessageDeduplicationId=str(uuid4()),
        MessageAttributes={
            "traceparent": {"DataType": "String", "StringValue": f"00-{TRACE}-{SPAN}-01"}
        },
    )


@any_batch_size
def test_a_worker_sends_its_remaining_spans_when_it_stops(service: Service) -> None:
    with running_trace_collector() as collector:
        service.environment |= {
            "TRACING_ENABLED": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint,
            "OTEL_SERVICE_NAME": "conversations-e2e",
            # Longer than the test takes, so that spans are sent only when the worker stops.
            "OTEL_BSP_SCHEDULE_DELAY": "600000",
        }
        worker = service.start_worker(concurrency=2)
        for number in range(CONTACTS):
            urn = f"telegram:40{number}"
            service.send_from(urn, message_body(urn=urn))
        send_with_a_trace(service, body=message_body(urn="telegram:410"), group="telegram:410")
        service.wait_until_empty()
        sent_before = len(collector.spans)
        worker.stop()

    assert (sent_before, collector.refusals) == (0, [])
    roots = collector.roots()
    assert len({root.trace_id for root in roots}) == len(roots) == CONTACTS + 1
    (joined,) = (root for root in roots if root.trace_id == TRACE)
    assert joined.parent_id == SPAN
    assert {span.name for span in collector.spans if span.parent_id == joined.span_id} == {
        "process_message",
        "persist_dynamo",
        "handle_csat",
    }
    assert {root.resource["service.name"] for root in roots} == {"conversations-e2e"}
    assert f'"trace_id": "{TRACE}"' in worker.log_text()
