"""The figures as tables for a terminal. This output rounds figures only here."""

from collections.abc import Mapping
from datetime import date, timedelta

from rich.table import Table

from apps.analytics.figures.results import Figures
from apps.conversations.models import Project

_NOTHING = "-"


def tables(figures: Figures, *, project: Project | None) -> list[Table]:
    """Return the tables of the period, of its days, and of the hours. No data is a dash."""
    return [
        _of_period(figures, title=f"{_scope_name(project)}, {_period(figures)}"),
        _by_day(figures),
        _by_hour(figures),
    ]


def _of_period(figures: Figures, *, title: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    for name, text in _summary(figures).items():
        table.add_row(name, text)
    return table


def _by_day(figures: Figures) -> Table:
    table = Table("day", title="By day", title_justify="left")
    for name in ("opened", "closed", "CSAT", "answers", "NPS", "answers"):
        table.add_column(name, justify="right")
    for day in figures.period.days:
        table.add_row(str(day), *_of_day(figures, day))
    return table


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
        "CSAT, share of 4 and 5": _percent(csat.satisfied_percent),
        "CSAT, mean": _number(csat.mean, digits=2),
        "CSAT answers": f"{csat.answers:,}{_scores(csat.distribution)}",
        "NPS": _number(nps.score),
        "NPS answers": f"{nps.answers:,} ({nps.promoters:,} promoters, {nps.passives:,} passives, "
        f"{nps.detractors:,} detractors)",
        "response rate": _percent(closings.response_percent),
        "conversations opened": f"{figures.openings.opened:,}",
        "conversations closed": f"{closings.closed:,}",
        **by_resolution,
        "archived messages of these": f"{closings.messages:,}",
        "median messages": _number(figures.lengths.median_messages),
        "median duration": _duration(figures.lengths.median_duration),
    }


def _of_day(figures: Figures, day: date) -> tuple[str, ...]:
    csat, nps = figures.surveys.csat_by_day[day], figures.surveys.nps_by_day[day]
    return (
        f"{figures.openings.by_day[day]:,}",
        f"{sum(figures.closings.by_day[day].values()):,}",
        _percent(csat.satisfied_percent),
        f"{csat.answers:,}",
        _number(nps.score),
        f"{nps.answers:,}",
    )


def _scores(distribution: Mapping[int, int]) -> str:
    return f" ({', '.join(f'{score}: {number:,}' for score, number in distribution.items())})"


def _percent(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.1f}%"


def _number(value: float | None, *, digits: int = 1) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _duration(value: timedelta | None) -> str:
    return _NOTHING if value is None else str(timedelta(seconds=round(value.total_seconds())))
