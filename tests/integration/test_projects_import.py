"""`manage.py projects import`: a file is imported completely or not at all."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from apps.conversations import projects as configuration
from apps.conversations.moving import count_to_move
from apps.conversations.project_models import Project
from tests.support.builders import PROJECT, conversation
from tests.support.database_errors import lock_timeout
from tests.support.projects_command import failed, projects
from tests.support.stored import every_row_version

OTHER = UUID("0b9f6f0e-5f0e-4f0c-8a51-6d1d4c1b2a03")
HEADER = "uuid,name,timezone,closing_time,idle_timeout,archive_retention"
MIDNIGHT_IN_TOKYO = datetime(2026, 11, 23, 15, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of the test's file."""
    return tmp_path / "projects.csv"


def test_a_file_configures_many_projects_and_the_changes_are_listed(path: Path) -> None:
    opened = conversation()
    Project.objects.update(name="Shop", timezone="UTC")
    Project.objects.create(uuid=OTHER, timezone="UTC")
    path.write_text(
        f"{HEADER}\n{PROJECT},Loja,Asia/Tokyo,00:00,,\n{OTHER},,America/Sao_Paulo,22:30,1h30m,90d\n"
    )

    output = projects("import", str(path))

    assert output == [
        f"{PROJECT}: name Shop -> Loja; timezone UTC -> Asia/Tokyo; "
        "open conversations rescheduled: 1.",
        f"{OTHER}: timezone UTC -> America/Sao_Paulo; closing_time 00:00 -> 22:30; "
        "idle_timeout none -> 1h30m; archive_retention none -> 90d.",
        "2 changed, 0 unchanged.",
    ]
    project, other = Project.objects.get(uuid=PROJECT), Project.objects.get(uuid=OTHER)
    assert (project.name, project.timezone) == ("Loja", "Asia/Tokyo")
    assert (other.timezone, other.closing_time) == ("America/Sao_Paulo", time(22, 30))
    assert other.idle_timeout == timedelta(minutes=90)
    opened.refresh_from_db()
    assert opened.closes_at == MIDNIGHT_IN_TOKYO


def test_a_file_may_leave_columns_out_and_name_new_projects(path: Path) -> None:
    Project.objects.create(uuid=PROJECT, name="Shop", closing_time=time(3))
    path.write_text(f"timezone,uuid\r\nUTC,{PROJECT}\r\nUTC,{OTHER}\r\n", encoding="utf-8-sig")

    output = projects("import", str(path))

    assert output == [
        f"{PROJECT}: timezone America/Sao_Paulo -> UTC.",
        f"{OTHER}: new; timezone America/Sao_Paulo -> UTC.",
        "2 changed, 0 unchanged.",
    ]
    project = Project.objects.get(uuid=PROJECT)
    assert (project.name, project.timezone, project.closing_time) == ("Shop", "UTC", time(3))
    assert Project.objects.get(uuid=OTHER).timezone == "UTC"


def test_an_empty_cell_removes_the_idle_timeout(path: Path) -> None:
    Project.objects.create(uuid=PROJECT, idle_timeout=timedelta(hours=1))
    path.write_text(f"uuid,idle_timeout\n{PROJECT},\n")

    assert projects("import", str(path))[0] == f"{PROJECT}: idle_timeout 1h -> none."

    assert Project.objects.get().idle_timeout is None


def test_importing_the_output_of_list_changes_nothing(path: Path) -> None:
    conversation()
    Project.objects.update(name='Loja "Água", e mais', idle_timeout=timedelta(seconds=5_445))
    Project.objects.update(archive_retention=timedelta(days=400))
    Project.objects.create(uuid=OTHER, timezone="Asia/Tokyo", closing_time=time(22, 30, 15))
    path.write_text("\n".join(projects("list", "--csv")) + "\n", encoding="utf-8")
    before = every_row_version()

    output = projects("import", str(path))

    assert output == ["0 changed, 2 unchanged."]
    assert every_row_version() == before
    assert path.read_text(encoding="utf-8").splitlines() == [
        HEADER,
        f"{OTHER},,Asia/Tokyo,22:30:15,,",
        f'{PROJECT},"Loja ""Água"", e mais",America/Sao_Paulo,00:00,1h30m45s,400d',
    ]


def test_one_invalid_line_refuses_the_whole_file(path: Path) -> None:
    conversation()
    path.write_text(
        f"uuid,timezone,closing_time\n{PROJECT},Asia/Tokyo,00:00\n{OTHER},Brazil/Sao_Paulo,24:00\n"
    )

    assert failed("import", str(path)) == [
        'line 3: "Brazil/Sao_Paulo" is not a time zone of the tz database. '
        "Did you mean America/Sao_Paulo?",
        'line 3: "24:00" is not a closing time: write HH:MM or HH:MM:SS, from 00:00 to 23:59:59.',
        "Nothing was written.",
    ]


def test_a_failure_halfway_writes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    conversation()
    path.write_text(f"uuid,timezone\n{PROJECT},Asia/Tokyo\n{OTHER},Asia/Tokyo\n")
    counted: list[int] = []

    def fails_at_the_second(**arguments: Any) -> int:
        if counted:
            raise lock_timeout()
        counted.append(count_to_move(**arguments))
        return counted[0]

    monkeypatch.setattr(configuration, "count_to_move", fails_at_the_second)

    assert failed("import", str(path)) == [
        "PostgreSQL is unavailable: LockNotAvailable. Nothing was written. Run it again later."
    ]
    assert counted


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_many_projects_take_few_queries(
    path: Path, options: tuple[str, ...], django_assert_max_num_queries: Any
) -> None:
    uuids = [UUID(int=number) for number in range(200)]
    Project.objects.bulk_create(Project(uuid=uuid) for uuid in uuids[:100])
    path.write_text("\n".join(["uuid", *map(str, uuids)]))

    with django_assert_max_num_queries(9):
        output = projects("import", str(path), *options)

    assert "100 changed, 100 unchanged." in output
    assert Project.objects.count() == (100 if options else 200)


@pytest.mark.parametrize("source", ["set", "import"])
def test_a_dry_run_lists_the_changes_without_making_them(path: Path, source: str) -> None:
    conversation()
    Project.objects.update(timezone="UTC")
    path.write_text(f"uuid,timezone\n{PROJECT},Asia/Tokyo\n{OTHER},Asia/Tokyo\n")
    arguments = {
        "set": ["set", str(PROJECT), "--timezone", "Asia/Tokyo"],
        "import": ["import", str(path)],
    }[source]
    before = every_row_version()

    dry = projects(*arguments, "--dry-run")

    assert every_row_version() == before
    assert dry == [*projects(*arguments), "This was a dry run. Nothing was written."]
    assert f"{PROJECT}: timezone UTC -> Asia/Tokyo; open conversations rescheduled: 1." in dry


def test_a_missing_file_is_reported_in_a_sentence(path: Path) -> None:
    assert failed("import", str(path)) == [f"{path} cannot be read: No such file or directory."]
