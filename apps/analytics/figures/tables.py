"""The figures as tables for a terminal."""

from collections.abc import Iterator
from datetime import date

from rich.table import Table

from apps.analytics.figures import texts
from apps.analytics.figures.results import ClosingFigures, Figures, Quantiles, TimeFigures
from apps.conversations.project_models import Project


def tables(figures: Figures, *, project: Project | None) -> list[Table]:
    """Return the tables of the period, its days and the hours.

    The figures must have been read with `times_by_day`.
    """
    return [
        _of_period(figures, title=f"{_scope_name(project)}, {_period(figures)}"),
        _by_day(figures),
        _times_by_day(figures),
        _by_hour(figures),
    ]


def _of_period(figures: Figures, *, title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, text in _summary(figures).items():
        table.add_row(name, text)
    return table


def _by_day(figures: Figures) -> Table:
    table = Table("day", title="By day", title_justify="left")
    for name in ("opened", "closed", "outreach", "CSAT", "answers", "NPS", "answers"):
        table.add_column(name, justify="right")
    for day in figures.period.days:
        table.add_row(str(day), *_of_day(figures, day))
    return table


def _times_by_day(figures: Figures) -> Table:
    title = "Median and 90th percentile (p90) of times, by day"
    table = Table("day", title=title, title_justify="left")
    for name in ("first response", "p90", "to resolution", "p90"):
        table.add_column(name, justify="right")
    for day, times in figures.times_by_day.items():
        table.add_row(str(day), *_times(times))
    return table


def _times(times: TimeFigures) -> Iterator[str]:
    for quantiles in (times.first_response, times.to_resolution):
        yield texts.duration(quantiles.median)
        yield texts.duration(quantiles.p90)


def _by_hour(figures: Figures) -> Table:
    table = Table("local hour", title="Conversations opened by hour", title_justify="left")
    table.add_column("opened", justify="right")
    for hour, opened in figures.openings.by_hour.items():
        table.add_row(f"{hour:02d}:00", f"{opened:,}")
    return table


def _period(figures: Figures) -> str:
    period = f"{figures.period.first} to {figures.period.last}"
    channel = figures.scope.channel
    return f"{period}, channel {channel}" if channel else period


def _scope_name(project: Project | None) -> str:
    if project is None:
        return "All projects, each in its time zone"
    return f"{project.name or project.uuid} ({project.timezone})"


def _summary(figures: Figures) -> dict[str, str]:
    csat, nps, closings = figures.surveys.csat, figures.surveys.nps, figures.closings
    by_resolution = {
        f"  {resolution.label.lower()}": f"{number:,}"
        for resolution, number in closings.by_resolution.items()
    }
    return {
        "CSAT, share of 4 and 5": texts.percent(csat.satisfied_percent),
        "CSAT, mean score": texts.mean(csat.mean),
        "CSAT answers": texts.answers(csat.distribution),
        "NPS": texts.signed(nps.score),
        "NPS, mean score": texts.mean(nps.mean),
        "NPS answers": f"{nps.answers:,} ({texts.groups(nps)})" if nps.answers else "none",
        "conversations opened": f"{figures.openings.opened:,}",
        "conversations closed": f"{closings.closed:,}",
        **by_resolution,
        "  of these, outreach": f"{closings.outreach:,} (the contact never wrote)",
        "survey response rate": _survey_response_rate(closings),
        "archived messages of these": f"{closings.messages:,}",
        "median messages": texts.number(figures.lengths.median_messages),
        "median duration": texts.duration(figures.lengths.median_duration),
        "first response time": _quantiles(figures.times.first_response),
        "time to resolution": _quantiles(figures.times.to_resolution),
    }


def _survey_response_rate(closings: ClosingFigures) -> str:
    rate = texts.percent(closings.survey_response_percent)
    return f"{rate} ({closings.answered:,} of {closings.contact_wrote:,})"


def _quantiles(quantiles: Quantiles) -> str:
    if not quantiles.number:
        return texts.no_data()
    median, p90 = texts.duration(quantiles.median), texts.duration(quantiles.p90)
    return f"median {median}, p90 {p90} ({texts.conversation_count(quantiles.number)})"


def _of_day(figures: Figures, day: date) -> tuple[str, ...]:
    csat, nps = figures.surveys.csat_by_day[day], figures.surveys.nps_by_day[day]
    return (
        f"{figures.openings.by_day[day]:,}",
        f"{sum(figures.closings.by_day[day].values()):,}",
        f"{figures.closings.outreach_by_day[day]:,}",
        texts.percent(csat.satisfied_percent),
        f"{csat.answers:,}",
        texts.signed(nps.score),
        f"{nps.answers:,}",
    )
