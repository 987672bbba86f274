"""The charts of the console: each is a drawing and a table with the same numbers and links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from apps.analytics.console.buckets import buckets, closings, csat, name, nps, short_date, unit
from apps.analytics.console.geometry import Column, Drawing, Part, Scale, count_scale, draw
from apps.analytics.console.queries import Query
from apps.analytics.figures import CsatFigures, Figures, NpsFigures, Period, texts
from apps.analytics.figures.results import DETRACTORS, PROMOTERS, RESOLUTIONS
from apps.conversations.models import Resolution

LOOKS = {
    Resolution.RESOLVED: "resolved",
    Resolution.UNRESOLVED: "unresolved",
    Resolution.UNCLASSIFIED: "unclassified",
    Resolution.HAS_CHAT_ROOM: "chat-room",
}
PERCENT_SCALE = Scale(marks=(0, 25, 50, 75, 100), unit="%")
NPS_SCALE = Scale(marks=(-100, -50, 0, 50, 100))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a table, with the link of the bar that shows the same number."""

    text: str
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart and its table. If the drawing has no bars, the template shows a text instead."""

    slug: str
    title: str
    note: str
    drawing: Drawing
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    legend: Mapping[str, str] = field(default_factory=dict)


def charts(figures: Figures, *, query: Query) -> list[Chart]:
    """Return all charts, in the order of the page."""
    parts = buckets(query.period)
    return [
        _csat_by_time(figures, query=query, parts=parts),
        _nps_by_time(figures, query=query, parts=parts),
        _csat_distribution(figures.surveys.csat, query=query),
        _nps_distribution(figures.surveys.nps, query=query),
        _openings_by_hour(figures, query=query),
        _closings_by_time(figures, query=query, parts=parts),
    ]


def _csat_by_time(figures: Figures, *, query: Query, parts: Sequence[Period]) -> Chart:
    found = [(part, csat(figures.surveys.csat_by_day, part)) for part in parts]
    per = unit(parts, of=query.period)

    def bar(part: Period, one: CsatFigures) -> Part:
        value = texts.percent(one.satisfied_percent)
        answers = texts.count(one.answers, "answer")
        return Part(
            value=one.satisfied_percent,
            name=f"{name(part)}: CSAT {value}, {answers}",
            href=query.of(part).drilldown_url(of="csat"),
            look="plain",
        )

    bars = [bar(part, one) for part, one in found]
    return Chart(
        slug="csat-by-time",
        title=f"CSAT by {per}",
        note="Share of the scores 4 and 5.",
        drawing=draw(_columns(parts, bars), scale=PERCENT_SCALE),
        head=(per.capitalize(), "CSAT", "Mean score", "Answers"),
        rows=[
            (
                Cell(text=name(part)),
                Cell(text=texts.percent(one.satisfied_percent), href=_link(bar)),
                Cell(text=texts.mean(one.mean)),
                Cell(text=f"{one.answers:,}"),
            )
            for (part, one), bar in zip(found, bars, strict=True)
        ],
    )


def _nps_by_time(figures: Figures, *, query: Query, parts: Sequence[Period]) -> Chart:
    found = [(part, nps(figures.surveys.nps_by_day, part)) for part in parts]
    per = unit(parts, of=query.period)

    def bar(part: Period, one: NpsFigures) -> Part:
        answers = texts.count(one.answers, "answer")
        return Part(
            value=one.score,
            name=f"{name(part)}: NPS {texts.signed(one.score)}, {answers}",
            href=query.of(part).drilldown_url(of="nps"),
            look="below-zero" if one.score is not None and one.score < 0 else "plain",
        )

    bars = [bar(part, one) for part, one in found]
    return Chart(
        slug="nps-by-time",
        title=f"NPS by {per}",
        note="Share of promoters minus that of detractors, from -100 to 100.",
        drawing=draw(_columns(parts, bars), scale=NPS_SCALE),
        head=(
            per.capitalize(),
            "NPS",
            "Mean score",
            "Promoters",
            "Passives",
            "Detractors",
            "Answers",
        ),
        rows=[
            (
                Cell(text=name(part)),
                Cell(text=texts.signed(one.score), href=_link(bar)),
                Cell(text=texts.mean(one.mean)),
                Cell(text=f"{one.promoters:,}"),
                Cell(text=f"{one.passives:,}"),
                Cell(text=f"{one.detractors:,}"),
                Cell(text=f"{one.answers:,}"),
            )
            for (part, one), bar in zip(found, bars, strict=True)
        ],
    )


def _csat_distribution(figures: CsatFigures, *, query: Query) -> Chart:
    return _distribution(
        figures.distribution,
        slug="csat-distribution",
        title="CSAT answers",
        note="Number of answers with each score, from 1 to 5.",
        links={
            score: query.drilldown_url(of="csat", score=score) for score in figures.distribution
        },
        looks=dict.fromkeys(figures.distribution, "plain"),
    )


def _nps_distribution(figures: NpsFigures, *, query: Query) -> Chart:
    return _distribution(
        figures.distribution,
        slug="nps-distribution",
        title="NPS answers",
        note="Answers with each score: detractors 0 to 6, passives 7 and 8, promoters 9 and 10.",
        links={score: query.drilldown_url(of="nps", score=score) for score in figures.distribution},
        looks={score: _nps_look(score) for score in figures.distribution},
    )


def _distribution(
    distribution: Mapping[int, int],
    *,
    slug: str,
    title: str,
    note: str,
    links: Mapping[int, str],
    looks: Mapping[int, str],
) -> Chart:
    bars = {
        score: Part(
            value=number or None,
            name=f"Score {score}: {texts.count(number, 'answer')}",
            href=links[score],
            look=looks[score],
            label=f"{number:,}" if number < 10_000 else "",
        )
        for score, number in distribution.items()
    }
    columns = [Column(label=str(score), parts=[bar]) for score, bar in bars.items()]
    return Chart(
        slug=slug,
        title=title,
        note=note,
        drawing=draw(columns, scale=count_scale(list(distribution.values()))),
        head=("Score", "Answers"),
        rows=[
            (Cell(text=str(score)), Cell(text=f"{distribution[score]:,}", href=_link(bar)))
            for score, bar in bars.items()
        ],
    )


def _openings_by_hour(figures: Figures, *, query: Query) -> Chart:
    by_hour = figures.openings.by_hour
    bars = {
        hour: Part(
            value=number or None,
            name=f"{hour:02d}:00 to {hour:02d}:59: {texts.count(number, 'conversation')}",
            href=query.drilldown_url(of="opened", hour=hour),
            look="plain",
        )
        for hour, number in by_hour.items()
    }
    columns = [Column(label=f"{hour:02d}", parts=[bar]) for hour, bar in bars.items()]
    return Chart(
        slug="openings-by-hour",
        title="Conversations opened by hour",
        note="By local hour of the day, summed over all days.",
        drawing=draw(columns, scale=count_scale(list(by_hour.values()))),
        head=("Hour", "Opened"),
        rows=[
            (Cell(text=f"{hour:02d}:00"), Cell(text=f"{by_hour[hour]:,}", href=_link(bar)))
            for hour, bar in bars.items()
        ],
    )


def _closings_by_time(figures: Figures, *, query: Query, parts: Sequence[Period]) -> Chart:
    counts = [closings(figures.closings.by_day, part) for part in parts]
    per = unit(parts, of=query.period)
    stacks = [
        [
            Part(
                value=number or None,
                name=f"{name(part)}: {texts.count(number, 'conversation')}, "
                f"{resolution.label.lower()}",
                href=query.of(part).drilldown_url(of="closed", resolution=resolution),
                look=LOOKS[resolution],
            )
            for resolution, number in count.items()
        ]
        for part, count in zip(parts, counts, strict=True)
    ]
    return Chart(
        slug="closings-by-time",
        title=f"Conversations closed by {per}",
        note="By resolution, outreach included; bars are stacked from the bottom up in the order "
        "of the legend.",
        drawing=draw(
            [
                Column(label=short_date(part.first), parts=stack)
                for part, stack in zip(parts, stacks, strict=True)
            ],
            scale=count_scale([sum(count.values()) for count in counts]),
        ),
        head=(per.capitalize(), *(resolution.label for resolution in RESOLUTIONS)),
        rows=[
            (
                Cell(text=name(part)),
                *(Cell(text=f"{bar.value or 0:,}", href=_link(bar)) for bar in stack),
            )
            for part, stack in zip(parts, stacks, strict=True)
        ],
        legend={LOOKS[resolution]: resolution.label for resolution in RESOLUTIONS},
    )


def _columns(parts: Sequence[Period], bars: Sequence[Part]) -> list[Column]:
    return [
        Column(label=short_date(part.first), parts=[bar])
        for part, bar in zip(parts, bars, strict=True)
    ]


def _link(bar: Part) -> str:
    """Return the link of a bar, or "" if the bar has no value."""
    return "" if bar.value is None else bar.href


def _nps_look(score: int) -> str:
    if score in DETRACTORS:
        return "detractors"
    return "promoters" if score in PROMOTERS else "passives"
