"""Checks which workers run, by their heartbeats in PostgreSQL and by the control broker."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, InterfaceError, connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from apps.common.durations import as_text
from apps.conversations import heartbeats
from apps.conversations.heartbeats import Heartbeat
from operations.doctor import worker_states
from operations.doctor.control import ask_workers
from operations.doctor.findings import Finding, error, ok, skipped, warning
from operations.doctor.postgresql import is_read_only, short_transaction
from operations.thresholds import FRESH_HEARTBEAT

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

RUNNING = "workers.running"
# A worker that was killed is reported for this time.
REMEMBERED = timedelta(hours=1)
START_WORKER = "Start a worker: celery -A config worker -Q conversations.fifo"
# Without -ww, ps cuts its lines at the width of the terminal if COLUMNS is exported.
LIST_WORKERS = "ps -ewwo pid,stat,etime,args | grep '[c]elery.* worker'"
REVIVE = (
    f"On its machine, run: {LIST_WORKERS}. A frozen process (T) continues with: kill -CONT PID. "
    "If it runs and its log goes on, run this again. Restart one that hangs. If it is gone, start "
    "it again: celery -A config worker -Q conversations.fifo. Its events run on other workers when "
    "their leases end. If the control broker was restarted less than a minute ago, run this again."
)


@dataclass(frozen=True, kw_only=True)
class Known:
    """The heartbeats of workers, and their replies through the control broker.

    `unreadable` says why the heartbeats cannot be used; it is empty if they can. `replies` has the
    reports of the workers that answer, by their names. It is None without a control broker.
    """

    heartbeats: Sequence[Heartbeat]
    unreadable: "StrOrPromise"
    replies: Mapping[str, Mapping[str, Any]] | None

    @property
    def alive(self) -> dict[str, Mapping[str, Any]]:
        """Return the workers that run, with their reports by queue."""
        if self.replies is not None:
            return dict(self.replies)
        return {beat.worker: beat.queues for beat in self.heartbeats if beat.age <= FRESH_HEARTBEAT}

    @property
    def lost(self) -> list[Heartbeat]:
        """Return the heartbeats of workers that have not ended normally and do not run."""
        return [
            beat
            for beat in self.heartbeats
            if beat.worker not in self.alive and beat.age <= REMEMBERED
        ]


def check() -> Iterator[Finding]:
    """Yield a finding about the workers that run, and findings about their states."""
    known = _known()
    yield judge_running(known)
    if known.alive:
        yield from worker_states.check(known.alive)
    else:
        yield from worker_states.skip(f"No worker reports its state: see {RUNNING}.")


def read_heartbeats() -> tuple[list[Heartbeat], "StrOrPromise"]:
    """Return the heartbeats, and why they cannot be used: "" if they can.

    Raise Django's database errors.
    """
    beats = heartbeats.latest()
    if is_read_only():
        return beats, gettext_lazy("while PostgreSQL is read-only, workers cannot write heartbeats")
    return beats, ""


def _known() -> Known:
    beats: list[Heartbeat] = []
    unreadable: StrOrPromise
    try:
        with short_transaction():
            beats, unreadable = read_heartbeats()
    except (DatabaseError, InterfaceError) as failure:
        # The next statement would fail, too, if the session is broken.
        connection.close()
        unreadable = f"heartbeats cannot be read from PostgreSQL ({type(failure).__name__})"
    fresh = sum(beat.age <= FRESH_HEARTBEAT for beat in beats)
    return Known(heartbeats=beats, unreadable=unreadable, replies=ask_workers(limit=fresh or None))


def judge_running(known: Known) -> Finding:
    """Return a finding about the workers that run, and those that do not."""
    lost = describe_lost(known)
    if known.alive:
        found = (
            ngettext(
                "%(count)d running, by remote control: %(workers)s.",
                "%(count)d running, by remote control: %(workers)s.",
                len(known.alive),
            )
            if known.replies is not None
            else ngettext(
                "%(count)d running, by their heartbeats: %(workers)s.",
                "%(count)d running, by their heartbeats: %(workers)s.",
                len(known.alive),
            )
        )
        found %= {"count": len(known.alive), "workers": ", ".join(sorted(known.alive))}
        if lost and not known.unreadable:
            missing = _("Not running: %(workers)s.") % {"workers": lost}
            return warning(RUNNING, f"{found} {missing}", REVIVE)
        return ok(RUNNING, found)
    if known.unreadable and known.replies is None:
        sentence = _("Unknown: there is no control broker, and %(why)s.")
        return skipped(RUNNING, sentence % {"why": known.unreadable})
    if lost:
        return error(RUNNING, _("No worker runs: %(workers)s.") % {"workers": lost}, REVIVE)
    found = _("No worker runs.")
    if known.replies is not None:
        silent = _("None answers by remote control.")
        found = f"{found} {silent}"
    return error(RUNNING, found, START_WORKER)


def describe_lost(known: Known) -> str:
    """Return what is known about the workers that have not ended normally and do not run."""
    return "; ".join(_lost_sentence(beat, known) for beat in known.lost)


def _lost_sentence(beat: Heartbeat, known: Known) -> str:
    if known.replies is not None and beat.age <= FRESH_HEARTBEAT:
        sentence = _(
            "%(worker)s does not answer by remote control, and wrote its last heartbeat %(time)s "
            "ago, so it is busy, or was frozen or killed just now"
        )
    else:
        sentence = _(
            "%(worker)s wrote its last heartbeat %(time)s ago and has not ended normally, so it is "
            "frozen, was killed, or cannot reach PostgreSQL"
        )
    return sentence % {"worker": beat.worker, "time": as_text(beat.age)}
