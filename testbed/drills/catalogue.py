"""All drills. docs/runbook.md has a chapter for each of them."""

from testbed.drills.drill import Drill
from testbed.drills.processes import (
    frozen_worker,
    killed_worker,
    silent_proxy,
    stopped_postgresql,
)
from testbed.drills.stores import (
    POISONED_EVENTS,
    lake_down,
    poisoned_project,
    read_only_postgresql,
)

DRILLS = (
    Drill(
        name="kill-worker",
        summary="the worker is killed",
        happens="The worker and its pool processes are killed, and stay down.",
        afterwards="`make up` starts the worker again now.",
        chapter="The worker is gone",
        seconds=120,
        breaking=killed_worker,
    ),
    Drill(
        name="freeze-worker",
        summary="the worker is frozen",
        happens="The worker and its pool processes are frozen (SIGSTOP).",
        afterwards="The worker continues.",
        chapter="The worker is frozen",
        seconds=120,
        breaking=frozen_worker,
    ),
    Drill(
        name="stop-postgresql",
        summary="PostgreSQL is stopped",
        happens="PostgreSQL is stopped, and stays down.",
        afterwards="`make up` starts PostgreSQL again now.",
        chapter="PostgreSQL is down",
        seconds=120,
        breaking=stopped_postgresql,
    ),
    Drill(
        name="fail-over",
        summary="PostgreSQL is read-only",
        happens="PostgreSQL cuts all connections and is read-only, as after a failover.",
        afterwards="PostgreSQL accepts writes again.",
        chapter="PostgreSQL is read-only",
        seconds=120,
        breaking=read_only_postgresql,
    ),
    Drill(
        name="poison",
        summary="events of a project fail",
        happens=f"{POISONED_EVENTS} events of a new project fail, as a bug in a release does it.",
        afterwards="The bug is mended. Its dead letters and parked events wait for you.",
        chapter="Events fail",
        seconds=180,
        breaking=poisoned_project,
    ),
    Drill(
        name="lake-down",
        summary="the lake refuses files",
        happens="The data lake refuses all files.",
        afterwards="The data lake takes files again.",
        chapter="The data lake is down",
        seconds=180,
        breaking=lake_down,
    ),
    Drill(
        name="silent-connection",
        summary="connections go silent",
        happens="What the worker and PostgreSQL send each other is lost. Nothing is closed.",
        afterwards="New connections of the worker to PostgreSQL work again.",
        chapter="A connection goes silent",
        seconds=180,
        breaking=silent_proxy,
    ),
)
