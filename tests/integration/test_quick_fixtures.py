"""The fast fixtures of the tests reset everything that the code they replace would reset."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command

from apps.common.aws import dynamodb_client
from operations.provisioning import ensure_queues, ensure_table
from testbed.sqs import SqsServer
from testbed.sqs.fifo import Fifo, client_of
from tests.support.builders import deliver_bodies, message_body, survey_body
from tests.support.provisioned import ProvisionedMoto

# These attributes contain the time of creation.
DATES = ("CreatedTimestamp", "LastModifiedTimestamp", "CreationDateTime", "TableId")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("aws")
def test_a_flush_empties_all_tables_but_those_of_content_types_and_permissions() -> None:
    types, permissions = ContentType.objects.count(), Permission.objects.count()
    group = Group.objects.create(name="operators")
    group.permissions.set(Permission.objects.all())
    User.objects.create_user("someone").groups.add(group)
    deliver_bodies(bodies=[message_body(), survey_body()])

    call_command("flush", interactive=False)

    models = apps.get_models(include_auto_created=True)
    counts = {model: model._base_manager.count() for model in models if model._meta.managed}
    filled = {model: count for model, count in counts.items() if count}
    assert filled == {ContentType: types, Permission: permissions}


def test_a_reset_moto_has_the_same_queues_and_table_as_the_first_time(
    provisioned_moto: ProvisionedMoto, sqs: Any
) -> None:
    described = describe(sqs)
    assert len(described) == 4
    ensure_queues()
    ensure_table()
    assert described == describe(sqs)
    provisioned_moto.renew()
    assert described == describe(sqs)


def describe(sqs: Any) -> dict[str, Any]:
    """Return moto's descriptions of its queues and tables."""
    dynamodb = dynamodb_client()
    found: dict[str, Any] = {
        url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    }
    for name in dynamodb.list_tables()["TableNames"]:
        found[name] = dynamodb.describe_table(TableName=name)["Table"]
        expiry = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        found[f"expiry of {name}"] = expiry
    return {name: without_dates(one) for name, one in found.items()}


def without_dates(described: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in described.items() if name not in DATES}


def test_a_long_poll_ends_at_the_servers_own_limit(strict_sqs: SqsServer) -> None:
    queue = Fifo(client=client_of(strict_sqs.url), server=strict_sqs)
    assert queue.receive(WaitTimeSeconds=20) == []
    (call,) = (one for one in strict_sqs.calls(action="ReceiveMessage") if one.queue == queue.name)
    assert call.seconds < 20
