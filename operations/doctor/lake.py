"""Checks the data lake of DATALAKE_URL."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, urlsplit
from urllib.request import url2pathname

from django.conf import settings

from apps.analytics import datalake
from operations.doctor.aws import Reply, ReplyKind, Service, failure_finding
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.permissions import Probe, check_permissions

LAKE, MAY_PUT = "lake.reachable", "lake.may_put"
TIMEOUT_SECONDS = 5.0


def check() -> Iterator[Finding]:
    """Yield findings about whether events could be sent to the lake. Nothing is sent."""
    if datalake.is_off():
        yield ok(LAKE, "The lake is off (DATALAKE_URL=none): answers are recorded and not sent.")
        yield skipped(MAY_PUT, "Not checked: the lake is off.")
        return
    address = urlsplit(settings.DATALAKE_URL)
    match address.scheme:
        case "firehose":
            yield from _firehose(address)
        case "weni":
            yield _weni(address.netloc)
            yield skipped(
                MAY_PUT, "The protocol of this lake has no way to check this without writing to it."
            )
        case _:
            folder = Path(url2pathname(address.path))
            yield _folder(folder)
            yield _may_write(folder)


def _folder(folder: Path) -> Finding:
    if folder.is_dir():
        return ok(LAKE, f"{folder} is a folder.")
    if os.path.lexists(folder):
        return error(LAKE, f"{folder} is not a folder.", _replace(folder, folder))
    return warning(
        LAKE,
        f"{folder} does not exist on this machine. The worker creates it if it has permission.",
        f"Run on the worker's machine, as its user: mkdir -p {folder}",
    )


def _may_write(folder: Path) -> Finding:
    path = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if path.is_dir() and os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        return ok(MAY_PUT, f"{path} is writable.")
    if not path.is_dir():
        return error(MAY_PUT, f"{path} is not a folder.", _replace(path, folder))
    return error(
        MAY_PUT, f"{path} is not writable for the user {os.geteuid()}.", f"Run, {_install(folder)}"
    )


def _replace(path: Path, folder: Path) -> str:
    """Return what to do if something else is in the place of the lake's folder."""
    return f"See what it is: ls -ld {path}. Move it away and run, {_install(folder)}"


def _install(folder: Path) -> str:
    return (
        f"with the worker's user in place of USER: install -d -o USER {folder}. Or set "
        "DATALAKE_URL to another folder."
    )


def _firehose(address: SplitResult) -> Iterator[Finding]:
    region = parse_qs(address.query).get("region", [settings.SQS_CONVERSATION_REGION])[0]
    service = Service("firehose", region=region)
    stream = address.netloc
    reply = service.call("describe_delivery_stream", DeliveryStreamName=stream)
    yield _stream(stream, region, reply)
    if reply.fails_every_call:
        yield skipped(MAY_PUT, f"Not checked: see {LAKE}.")
        return
    probe = Probe(
        check=MAY_PUT,
        permission="firehose:PutRecordBatch",
        resource=stream,
        action="put_record_batch",
        # Firehose refuses a call without records as invalid.
        parameters={"DeliveryStreamName": stream, "Records": []},
        expected=frozenset({"ValidationException", "InvalidArgumentException"}),
    )
    yield from check_permissions(service, [probe])


def _stream(stream: str, region: str, reply: Reply) -> Finding:
    if reply.kind is ReplyKind.MISSING:
        return error(
            LAKE,
            f"There is no delivery stream {stream} in {region}.",
            f"Correct DATALAKE_URL (firehose://STREAM?region=REGION), or create the stream: aws "
            f"firehose create-delivery-stream --delivery-stream-name {stream} --region {region}",
        )
    if reply.kind is ReplyKind.NOT_ALLOWED:
        return warning(
            LAKE,
            "The stream cannot be read, because firehose:DescribeDeliveryStream is not allowed. "
            "The worker does not need it.",
            f'Allow "firehose:DescribeDeliveryStream" on {stream} for the role of this command.',
        )
    if reply.kind is not ReplyKind.DONE:
        return failure_finding(
            LAKE,
            reply,
            service="Firehose",
            settings="DATALAKE_URL and AWS_ENDPOINT_URL_FIREHOSE",
        )
    status = reply.content["DeliveryStreamDescription"]["DeliveryStreamStatus"]
    if status != "ACTIVE":
        return error(
            LAKE,
            f"The delivery stream {stream} is {status}.",
            "Wait until it is ACTIVE; the outbox keeps the events.",
        )
    return ok(LAKE, f"The delivery stream {stream} is ACTIVE.")


def _weni(target: str) -> Finding:
    # An optional extra, whose import takes a third of a second.
    import grpc

    with grpc.insecure_channel(f"dns:///{target}") as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=TIMEOUT_SECONDS)
        except grpc.FutureTimeoutError:
            return error(
                LAKE,
                f"{target} does not respond within {TIMEOUT_SECONDS:.0f} s.",
                "Check DATALAKE_URL (weni://HOST:PORT), the network and the lake's server; the "
                "outbox keeps the events.",
            )
    return ok(LAKE, f"{target} responds.")
