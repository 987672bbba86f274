"""The page about the comparison of the subjects."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.common.benchmark import Benchmark
from bench.common.costs import COST_FIGURES
from bench.common.tables import Figures, Table, chart, in_columns, in_rows
from bench.event_cost.goals import RATE, compared_rates, effect_ratios, goals
from bench.event_cost.idle import MONTH_SECONDS
from bench.event_cost.lives import BACKLOG
from bench.event_cost.result import Comparison, SubjectResult, WholeLife, rates_of

Row = tuple[str, str, WholeLife]

_BACKLOG: Figures[SubjectResult] = {
    **COST_FIGURES,
    "messages stored again": lambda one: f"{one.repeated:,}",
    "most memory held, MB": lambda one: f"{one.peak_rss_mb:,.0f}",
}
_FIGURES: Figures[WholeLife] = {
    "SQS calls": lambda one: f"{one.sqs_calls:.2f}",
    "SQL": lambda one: f"{one.sql:.2f}",
    "DynamoDB calls": lambda one: f"{one.dynamodb_calls:.2f}",
    "write units": lambda one: f"{one.write_units:.2f}",
    "read units": lambda one: f"{one.read_units:.2f}",
    "CPU, ms": lambda one: f"{one.cpu_ms:.2f}",
    "$": lambda one: f"{one.dollars_per_million:.2f}",
    "$ with sends": lambda one: f"{one.dollars_per_million_with_sends:.2f}",
    "p50, ms": lambda one: f"{one.p50_ms:,.0f}",
    "p99, ms": lambda one: f"{one.p99_ms:,.0f}",
}


def _parts(run: Comparison) -> dict[str, Table | str]:
    subjects = {subject.title: subject for subject in run.subjects.values()}
    calls = {
        **_calls(run, lambda one: one.sqs_calls_by_action),
        **_calls(run, lambda one: one.dynamodb_calls_by_action),
    }
    return {
        "summary": _summary(run),
        "dollars": _by_rate(
            run, lambda one: f"{one.dollars_per_million:.2f}", title="Dollars for a million events"
        ),
        "medians": _by_rate(
            run, lambda one: f"{one.p50_ms:,.0f}", title="Median from send to effect, ms"
        ),
        "cost": chart(
            title="Dollars for a million events of this service, by events per second",
            values={
                rate: run.subjects["service"].whole_life(rate).dollars_per_million
                for rate in rates_of(run)
                if rate != BACKLOG
            },
            across="events per second",
        ),
        "choices": _choices(run),
        "lives": in_rows(_rows(run), _row_figures(), title="The whole life of an event"),
        "searches": _searches(run),
        "long_texts": _long_texts(run),
        "effects": _effects(run),
        "totals": _totals(run),
        "idle": _idle(run),
        "main_process": _main_process(run),
        "versions": ", ".join(f"{name} {version}" for name, version in run.versions.items()),
        "backlog": in_columns(subjects, _BACKLOG, title="Under backlog, until stored"),
        "throughput": chart(
            title="Events per second, under backlog",
            values={title: one.events_per_second for title, one in subjects.items()},
        ),
        "cpu": chart(
            title="CPU per event in milliseconds, under backlog",
            values={title: one.cpu_ms_per_event for title, one in subjects.items()},
        ),
        "calls": in_columns(subjects, calls, title="Calls of an event, until stored"),
        "sources": "\n".join(f"- <{source}>" for source in run.prices.sources),
    }


def _figures(run: Comparison) -> Mapping[str, Any]:
    """Return the figures for other programs: by rate and subject, and of idle subjects."""
    whole_life = {
        rate: {
            name: asdict(subject.whole_life(rate))
            for name, subject in run.subjects.items()
            if rate in subject.lives
        }
        for rate in rates_of(run)
    }
    return {
        "whole_life": whole_life,
        "idle_requests_per_month": {
            name: idle.requests_per_month for name, idle in run.idle.items()
        },
        "main_process": {"events_per_second": run.main_process.events_per_second},
    }


def _summary(run: Comparison) -> str:
    service = run.subjects["service"].whole_life(RATE)
    eager = run.subjects["eager"].whole_life(RATE)
    idle = run.idle["service_with_beat"].requests_per_month * run.prices.sqs_fifo_requests / 1e6
    return (
        f"At {RATE} events a second, the AWS calls of a million events cost "
        f"**${service.dollars_per_million:.2f}** with this service, from the receive to the "
        f"archive, and half of the messages are stored within **{service.p50_ms:,.0f} ms** after "
        f"they were sent. Without gathering that is ${eager.dollars_per_million:.2f} and "
        f"{eager.p50_ms:,.0f} ms. Sending a million events costs "
        f"${run.prices.sqs_fifo_requests:.2f} more. A worker and beat that have nothing to do cost "
        f"${idle:.2f} a month."
    )


def _by_rate(run: Comparison, text: Callable[[WholeLife], str], *, title: str) -> Table:
    """Return a table with a row for each rate and a column for each subject."""

    def cell(subject: SubjectResult) -> Callable[[str], str]:
        return lambda rate: text(subject.whole_life(rate)) if rate in subject.lives else "-"

    columns = {subject.title: cell(subject) for subject in run.subjects.values()}
    return in_rows(rates_of(run), {"events per second": str, **columns}, title=title)


def _choices(run: Comparison) -> Table:
    """Return a table that compares both settings of SQS_GATHER_MS over a month."""
    service, eager = run.subjects["service"], run.subjects["eager"]
    rows = []
    for rate in rates_of(run):
        if rate != BACKLOG and rate in eager.lives:
            gathering, without = service.whole_life(rate), eager.whole_life(rate)
            millions = float(rate) * MONTH_SECONDS / 1e6
            dollars = [one.dollars_per_million * millions for one in (gathering, without)]
            longer = gathering.p50_ms - without.p50_ms
            rows.append([rate, *(f"{one:,.2f}" for one in dollars), f"{longer:,.0f}"])
    head = ["events per second", "$ a month, with the default", "$ a month, with `0`"]
    return Table(title="SQS_GATHER_MS", head=[*head, "longer until stored (p50), ms"], rows=rows)


def _rows(run: Comparison) -> list[Row]:
    return [
        (rate, subject.title, subject.whole_life(rate))
        for rate in rates_of(run)
        for subject in run.subjects.values()
        if rate in subject.lives
    ]


def _row_figures() -> Figures[Row]:
    def of_life(text: Callable[[WholeLife], str]) -> Callable[[Row], str]:
        return lambda row: text(row[2])

    return {
        "events per second": lambda row: row[0],
        "subject": lambda row: row[1],
        **{name: of_life(text) for name, text in _FIGURES.items()},
    }


def _searches(run: Comparison) -> str:
    dollars = run.subjects["service"].searched.dollars_per_million
    return f"${dollars:.3f} for a million events"


def _long_texts(run: Comparison) -> Table:
    texts = run.long_texts
    short = run.subjects["service"].whole_life(RATE)
    return in_rows(
        {
            f"{run.text_characters}": short,
            f"{texts.shortest} to {texts.longest}": texts.whole_life,
        }.items(),
        {
            "characters of a text": lambda row: row[0],
            "write units": lambda row: f"{row[1].write_units:.2f}",
            "read units": lambda row: f"{row[1].read_units:.2f}",
            "$": lambda row: f"{row[1].dollars_per_million:.2f}",
            "$ with sends": lambda row: f"{row[1].dollars_per_million_with_sends:.2f}",
        },
        title=f"Long texts, at {RATE} events per second",
    )


def _effects(run: Comparison) -> Table:
    """Return the latency without gathering at each rate, next to the bare loop's."""
    eager, floor = run.subjects["eager"], run.subjects["floor"]
    rows = []
    for rate in compared_rates(eager, floor=floor):
        ours, theirs = eager.lives[rate].latency, floor.lives[rate].latency
        if ours and theirs:
            medians = [f"{one.effect.p50:.1f}" for one in (ours, theirs)]
            tails = [f"{one.effect.p99:.1f}" for one in (ours, theirs)]
            median, tail = effect_ratios(rate, eager, floor=floor)
            rows.append([rate, *medians, f"{median:.2f}", *tails, f"{tail:.2f}"])
    head = ["events per second"]
    for name in ("p50", "p99"):
        head += [f"{name}, ms", f"{name} of the bare loop, ms", "ratio"]
    return Table(title="From receive to effect without gathering", head=head, rows=rows)


def _totals(run: Comparison) -> Table:
    """Return the latency from the send at each rate of `_effects`, and how busy the machine was."""
    eager, floor = run.subjects["eager"], run.subjects["floor"]
    rows = []
    for rate in compared_rates(eager, floor=floor):
        ours, theirs = eager.lives[rate].latency, floor.lives[rate].latency
        if ours and theirs:
            both = (ours, theirs)
            medians = [f"{one.total.p50:.1f}" for one in both]
            tails = [f"{one.total.p99:.1f}" for one in both]
            busy = [_percent(one.machine_busy) for one in both]
            rows.append([rate, *medians, *tails, *busy])
    head = ["events per second"]
    for name in ("p50, ms", "p99, ms", "machine busy, %"):
        head += [name, f"{name}, bare loop"]
    return Table(title="From send to effect without gathering", head=head, rows=rows)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}"


def _idle(run: Comparison) -> Table:
    actions = sorted({action for idle in run.idle.values() for action in idle.requests})
    price = run.prices.sqs_fifo_requests / 1e6
    return in_rows(
        run.idle.values(),
        {
            "subject": lambda one: one.title,
            "measured for, s": lambda one: f"{one.seconds:.1f}",
            **{action: _count_of(action) for action in actions},
            "requests in 30 days": lambda one: f"{one.requests_per_month:,}",
            "$ in 30 days": lambda one: f"{one.requests_per_month * price:.2f}",
        },
        title="Without events",
    )


def _count_of(action: str) -> Callable[[Any], str]:
    return lambda one: str(one.requests.get(action, 0))


def _main_process(run: Comparison) -> str:
    main = run.main_process
    return (
        f"{main.events:,} events took {main.cpu_seconds:.2f} seconds of its CPU time: "
        f"{main.events_per_second:,.0f} events for each second."
    )


def _calls(
    run: Comparison, calls: Callable[[SubjectResult], Mapping[str, float]]
) -> Figures[SubjectResult]:
    def text(action: str) -> Callable[[SubjectResult], str]:
        return lambda one: f"{calls(one).get(action, 0):.3f}"

    actions = {action for subject in run.subjects.values() for action in calls(subject)}
    return {action: text(action) for action in sorted(actions)}


BENCHMARK = Benchmark(
    name="bench",
    command="make bench",
    result=Comparison,
    template=Path(__file__).with_name("page.md"),
    parts=_parts,
    goals=goals,
    figures=_figures,
)
