"""The charts of a period's days, weeks, months or years."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext, gettext_lazy

from apps.analytics.console.buckets import closings, csat, label, nps, unit
from apps.analytics.console.chart import Chart, link
from apps.analytics.console.geometry import Column as DrawnColumn
from apps.analytics.console.geometry import Part, Scale, count_scale, draw
from apps.analytics.console.queries import Query
from apps.analytics.console.tables import (
    Column,
    Table,
    bucket_cells,
    bucket_columns,
    bucket_name,
    count_cell,
    mean_cell,
    percent_cell,
    signed_cell,
)
from apps.analytics.figures import CsatFigures, Figures, NpsFigures, Period, texts
from apps.analytics.figures.results import RESOLUTIONS, SATISFIED
from apps.analytics.figures.results import count as count_scores
from apps.conversations.models import Resolution

LOOKS = {
    Resolution.RESOLVED: "resolved",
    Resolution.UNRESOLVED: "unresolved",
    Resolution.UNCLASSIFIED: "unclassified",
    Resolution.HAS_CHAT_ROOM: "chat-room",
}
PERCENT_SCALE = Scale(marks=(0, 25, 50, 75, 100), unit="%")
NPS_SCALE = Scale(marks=(-100, -50, 0, 50, 100))

_CSAT_TITLES = {
    "day": gettext_lazy("CSAT by day"),
    "week": gettext_lazy("CSAT by week"),
    "month": gettext_lazy("CSAT by month"),
    "year": gettext_lazy("CSAT by year"),
}
_NPS_TITLES = {
    "day": gettext_lazy("NPS by day"),
    "week": gettext_lazy("NPS by week"),
    "month": gettext_lazy("NPS by month"),
    "year": gettext_lazy("NPS by year"),
}
_CLOSINGS_TITLES = {
    "day": gettext_lazy("Conversations closed by day"),
    "week": gettext_lazy("Conversations closed by week"),
    "month": gettext_lazy("Conversations closed by month"),
    "year": gettext_lazy("Conversations closed by year"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """The days of a bar. Its numbers may still grow until it is over."""

    days: Period
    is_over: bool

    @property
    def name(self) -> str:
        """The days, and that they are not over if so."""
        return bucket_name(self.days, is_over=self.is_over)


def csat_by_time(figures: Figures, *, query: Query, parts: Sequence[Bucket]) -> Chart:
    """Return the chart of CSAT."""
    found = [(part, csat(figures.surveys.csat_by_day, part.days)) for part in parts]
    per = unit([part.days for part in parts], of=query.period)

    def bar(part: Bucket, one: CsatFigures) -> Part:
        value = texts.percent(one.satisfied_percent)
        return Part(
            value=one.satisfied_percent,
            name=f"{part.name}: CSAT {value}, {texts.answer_count(one.answers)}",
            href=query.of(part.days).drilldown_url(of="csat"),
            look="plain",
        )

    bars = [bar(part, one) for part, one in found]
    return Chart(
        slug="csat-by-time",
        note=gettext("Share of the scores 4 and 5."),
        drawing=draw(_columns(parts, [[bar] for bar in bars], query=query), scale=PERCENT_SCALE),
        table=Table(
            title=str(_CSAT_TITLES[per]),
            columns=(
                *bucket_columns(per),
                Column(title="CSAT", unit="%"),
                Column(title=gettext("Mean score")),
                Column(title=gettext("Scores 4 and 5")),
                Column(title=gettext("Answers")),
            ),
            rows=[
                (
                    *bucket_cells(part.days, is_over=part.is_over),
                    percent_cell(one.satisfied_percent, href=link(bar)),
                    mean_cell(one.mean),
                    count_cell(count_scores(one.distribution, SATISFIED)),
                    count_cell(one.answers),
                )
                for (part, one), bar in zip(found, bars, strict=True)
            ],
        ),
    )


def nps_by_time(figures: Figures, *, query: Query, parts: Sequence[Bucket]) -> Chart:
    """Return the chart of NPS."""
    found = [(part, nps(figures.surveys.nps_by_day, part.days)) for part in parts]
    per = unit([part.days for part in parts], of=query.period)

    def bar(part: Bucket, one: NpsFigures) -> Part:
        answers = texts.answer_count(one.answers)
        return Part(
            value=one.score,
            name=f"{part.name}: NPS {texts.signed(one.score)}, {answers}",
            href=query.of(part.days).drilldown_url(of="nps"),
            look="below-zero" if one.score is not None and one.score < 0 else "plain",
        )

    bars = [bar(part, one) for part, one in found]
    return Chart(
        slug="nps-by-time",
        note=gettext("Share of promoters minus that of detractors, from \N{MINUS SIGN}100 to 100."),
        drawing=draw(_columns(parts, [[bar] for bar in bars], query=query), scale=NPS_SCALE),
        table=Table(
            title=str(_NPS_TITLES[per]),
            columns=(
                *bucket_columns(per),
                Column(title="NPS"),
                Column(title=gettext("Mean score")),
                Column(title=gettext("Promoters")),
                Column(title=gettext("Passives")),
                Column(title=gettext("Detractors")),
                Column(title=gettext("Answers")),
            ),
            rows=[
                (
                    *bucket_cells(part.days, is_over=part.is_over),
                    signed_cell(one.score, href=link(bar)),
                    mean_cell(one.mean),
                    count_cell(one.promoters),
                    count_cell(one.passives),
                    count_cell(one.detractors),
                    count_cell(one.answers),
                )
                for (part, one), bar in zip(found, bars, strict=True)
            ],
        ),
    )


def closings_by_time(figures: Figures, *, query: Query, parts: Sequence[Bucket]) -> Chart:
    """Return the chart of closings, stacked by resolution."""
    counts = [closings(figures.closings.by_day, part.days) for part in parts]
    per = unit([part.days for part in parts], of=query.period)
    stacks = [
        [
            Part(
                value=number or None,
                name=f"{part.name}: {texts.conversation_count(number)}, "
                f"{str(resolution.label).lower()}",
                href=query.of(part.days).drilldown_url(of="closed", resolution=resolution),
                look=LOOKS[resolution],
            )
            for resolution, number in count.items()
        ]
        for part, count in zip(parts, counts, strict=True)
    ]
    return Chart(
        slug="closings-by-time",
        note=gettext(
            "By resolution, outreach included; bars are stacked from the bottom up in the order of "
            "the legend."
        ),
        drawing=draw(
            _columns(parts, stacks, query=query),
            scale=count_scale([sum(count.values()) for count in counts]),
        ),
        table=Table(
            title=str(_CLOSINGS_TITLES[per]),
            columns=(
                *bucket_columns(per),
                *(Column(title=str(resolution.label)) for resolution in RESOLUTIONS),
            ),
            rows=[
                (
                    *bucket_cells(part.days, is_over=part.is_over),
                    *(
                        count_cell(number, href=link(bar))
                        for number, bar in zip(count.values(), stack, strict=True)
                    ),
                )
                for part, count, stack in zip(parts, counts, stacks, strict=True)
            ],
        ),
        legend={LOOKS[resolution]: str(resolution.label) for resolution in RESOLUTIONS},
    )


def _columns(
    parts: Sequence[Bucket], stacks: Sequence[Sequence[Part]], *, query: Query
) -> list[DrawnColumn]:
    per = unit([part.days for part in parts], of=query.period)
    return [
        DrawnColumn(label=label(part.days, per=per), parts=stack, is_over=part.is_over)
        for part, stack in zip(parts, stacks, strict=True)
    ]
