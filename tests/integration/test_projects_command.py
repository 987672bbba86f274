"""`manage.py projects list` and `set`: their output and their changes."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError

from apps.conversations import projects as configuration
from apps.conversations.models import Conversation, Resolution
from apps.conversations.project_models import Project
from tests.support.builders import NOON, PROJECT, conversation
from tests.support.database_errors import lock_timeout
from tests.support.projects_command import failed, projects

OTHER = UUID("0b9f6f0e-5f0e-4f0c-8a51-6d1d4c1b2a03")
HEADER = "uuid,name,timezone,closing_time,idle_timeout,archive_retention"
# Midnight after NOON.
MIDNIGHT_IN_TOKYO = datetime(2026, 11, 23, 15, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Project:
    """Create a project with a name and the default settings."""
    return Project.objects.create(uuid=PROJECT, name="Shop", timezone="America/Sao_Paulo")


def test_without_projects_the_list_has_only_its_header() -> None:
    assert projects("list") == ["  ".join(HEADER.split(","))]


def test_the_list_shows_every_project_with_its_settings(shop: Project) -> None:
    Project.objects.create(
        uuid=OTHER,
        timezone="Asia/Tokyo",
        closing_time=time(22, 30, 15),
        idle_timeout=timedelta(minutes=90),
        archive_retention=timedelta(days=90),
    )

    lines = [line.split() for line in projects("list")]

    assert lines == [
        HEADER.split(","),
        [str(OTHER), "Asia/Tokyo", "22:30:15", "1h30m", "90d"],
        [str(PROJECT), "Shop", "America/Sao_Paulo", "00:00"],
    ]


def test_every_setting_of_a_project_can_be_set(shop: Project) -> None:
    output = projects(
        *("set", str(PROJECT), "--name", "Loja", "--timezone", "Asia/Tokyo"),
        *("--closing-time", "22:30", "--idle-timeout", "2h", "--archive-retention", "30d"),
    )

    assert output == [
        f"{PROJECT}: name Shop -> Loja; timezone America/Sao_Paulo -> Asia/Tokyo; "
        "closing_time 00:00 -> 22:30; idle_timeout none -> 2h; archive_retention none -> 30d.",
        "1 changed, 0 unchanged.",
    ]
    shop.refresh_from_db()
    assert (shop.name, shop.timezone) == ("Loja", "Asia/Tokyo")
    assert (shop.closing_time, shop.idle_timeout) == (time(22, 30), timedelta(hours=2))
    assert shop.archive_retention == timedelta(days=30)


def test_other_settings_do_not_change(shop: Project) -> None:
    Project.objects.update(closing_time=time(3), idle_timeout=timedelta(hours=1))

    projects("set", str(PROJECT), "--timezone", "UTC")

    shop.refresh_from_db()
    assert (shop.name, shop.timezone) == ("Shop", "UTC")
    assert (shop.closing_time, shop.idle_timeout) == (time(3), timedelta(hours=1))


def test_an_idle_timeout_can_be_removed(shop: Project) -> None:
    Project.objects.update(idle_timeout=timedelta(hours=1))

    assert projects("set", str(PROJECT), "--idle-timeout", "none") == [
        f"{PROJECT}: idle_timeout 1h -> none.",
        "1 changed, 0 unchanged.",
    ]

    shop.refresh_from_db()
    assert shop.idle_timeout is None


def test_all_errors_are_reported_at_once(shop: Project) -> None:
    assert failed(
        *("set", "42", "--timezone", "Brazil/Sao_Paulo"),
        *("--closing-time", "25:00", "--idle-timeout", "1s", "--name", "two\nlines"),
        *("--archive-retention", "365"),
    ) == [
        '"42" is not a UUID: write one such as 5f0c2f3a-6b1d-4a57-9c39-2e8d1f7a4b60.',
        "The name must be text on one line, without control characters.",
        '"Brazil/Sao_Paulo" is not a time zone of the tz database. Did you mean America/Sao_Paulo?',
        '"25:00" is not a closing time: write HH:MM or HH:MM:SS, from 00:00 to 23:59:59.',
        '"1s" is not a possible idle timeout: it must be from 1m to 2d, or none.',
        '"365" is not an archive retention: write 90s, 30m, 2h, 30d, 1h30m or HH:MM:SS, or none.',
        "Nothing was written.",
    ]


def test_one_invalid_setting_prevents_all_changes(shop: Project) -> None:
    assert failed("set", str(PROJECT), "--name", "Loja", "--timezone", "Moon")[-1] == (
        "Nothing was written."
    )


def test_setting_nothing_is_refused(shop: Project) -> None:
    assert failed("set", str(PROJECT)) == [
        "Pass a setting: --name, --timezone, --closing-time, --idle-timeout or "
        "--archive-retention.",
        "Nothing was written.",
    ]


def test_a_project_can_be_configured_before_its_first_event() -> None:
    output = projects("set", str(PROJECT), "--timezone", "Asia/Tokyo")

    assert output == [
        f"{PROJECT}: new; timezone America/Sao_Paulo -> Asia/Tokyo.",
        "1 changed, 0 unchanged.",
    ]
    assert Project.objects.get().timezone == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("option", "value", "closes_at"),
    [
        ("--timezone", "Asia/Tokyo", MIDNIGHT_IN_TOKYO),
        ("--closing-time", "12:00", NOON + timedelta(hours=3)),
    ],
)
def test_a_new_closing_rule_moves_the_open_conversations_of_its_project_only(
    option: str, value: str, closes_at: datetime
) -> None:
    first, second = conversation(), conversation(urn="telegram:2")
    closed = conversation(urn="telegram:3", resolution=Resolution.RESOLVED, ended_at=NOON)
    elsewhere = conversation(urn="telegram:4")
    elsewhere.project = Project.objects.create(uuid=OTHER)
    elsewhere.save()
    Project.objects.update(timezone="America/Sao_Paulo")

    output = projects("set", str(PROJECT), option, value)

    assert output[0].endswith("; open conversations rescheduled: 2.")
    moved = Conversation.objects.filter(uuid__in=[first.uuid, second.uuid])
    assert set(moved.values_list("closes_at", flat=True)) == {closes_at}
    stayed = Conversation.objects.filter(uuid__in=[closed.uuid, elsewhere.uuid])
    assert set(stayed.values_list("closes_at", flat=True)) == {NOON + timedelta(days=1)}


def test_a_new_idle_timeout_applies_to_open_conversations() -> None:
    opened = conversation()

    output = projects("set", str(PROJECT), "--idle-timeout", "30m")

    assert output[0] == f"{PROJECT}: idle_timeout none -> 30m; open conversations rescheduled: 1."
    opened.refresh_from_db()
    assert opened.due_at == NOON + timedelta(minutes=30)


@pytest.mark.parametrize("options", [("--name", "Loja"), ("--timezone", "America/Sao_Paulo")])
def test_settings_that_do_not_affect_closing_move_nothing(options: tuple[str, ...]) -> None:
    opened = conversation()
    Project.objects.update(timezone="America/Sao_Paulo")

    output = projects("set", str(PROJECT), *options)

    assert "rescheduled" not in output[0]
    opened.refresh_from_db()
    assert opened.closes_at == NOON + timedelta(days=1)


def test_logs_name_projects_only_by_id(shop: Project, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        projects("set", str(PROJECT), "--name", "Loja da Ana", "--dry-run")
        projects("set", str(PROJECT), "--name", "Loja da Ana")

    (record,) = caplog.records
    assert record.__dict__["project_uuid"] == str(PROJECT)
    assert record.__dict__["fields"] == ["name"]
    assert "Ana" not in str(record.__dict__)
    assert "Shop" not in str(record.__dict__)


def test_a_busy_database_is_reported_in_a_sentence(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(**_arguments: Any) -> int:
        raise lock_timeout()

    monkeypatch.setattr(configuration, "count_to_move", too_late)

    assert failed("set", str(PROJECT), "--timezone", "UTC") == [
        "PostgreSQL is unavailable: LockNotAvailable. Nothing was written. Run it again later."
    ]


def test_moves_that_failed_are_reported_and_finished_by_the_next_command(
    shop: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = conversation()
    closes_at = opened.closes_at

    def too_late(**_arguments: Any) -> int:
        raise lock_timeout()

    with monkeypatch.context() as patch:
        patch.setattr(configuration, "move_open_conversations", too_late)
        with pytest.raises(CommandError) as caught:
            projects("set", str(PROJECT), "--closing-time", "10:00")
    assert str(caught.value).splitlines() == [
        "PostgreSQL is unavailable: LockNotAvailable. The settings are written, but not all open "
        "conversations are rescheduled yet. The next runs of close_due_conversations reschedule "
        "them."
    ]
    opened.refresh_from_db()
    assert opened.closes_at == closes_at

    output = projects("set", str(PROJECT), "--closing-time", "10:00")

    assert output[0] == f"{PROJECT}: open conversations rescheduled: 1."
    opened.refresh_from_db()
    assert opened.closes_at != closes_at
    assert Project.objects.get().moving_since is None
