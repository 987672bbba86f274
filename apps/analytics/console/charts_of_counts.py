"""The charts of scores and hours, summed over all days."""

from collections.abc import Mapping

from django.utils.translation import gettext

from apps.analytics.console.chart import Chart, link
from apps.analytics.console.geometry import Column as DrawnColumn
from apps.analytics.console.geometry import Part, count_scale, draw
from apps.analytics.console.queries import Query
from apps.analytics.console.tables import Cell, Column, Table, count_cell
from apps.analytics.figures import Figures, texts
from apps.analytics.figures.results import DETRACTORS, PROMOTERS


def csat_distribution(figures: Figures, *, query: Query) -> Chart:
    """Return the chart of CSAT answers by score."""
    distribution = figures.surveys.csat.distribution
    return _distribution(
        distribution,
        slug="csat-distribution",
        title=gettext("CSAT answers"),
        note=gettext("Number of answers with each score, from 1 to 5."),
        links={score: query.drilldown_url(of="csat", score=score) for score in distribution},
        looks=dict.fromkeys(distribution, "plain"),
    )


def nps_distribution(figures: Figures, *, query: Query) -> Chart:
    """Return the chart of NPS answers by score."""
    distribution = figures.surveys.nps.distribution
    return _distribution(
        distribution,
        slug="nps-distribution",
        title=gettext("NPS answers"),
        note=gettext(
            "Answers with each score: detractors 0 to 6, passives 7 and 8, promoters 9 and 10."
        ),
        links={score: query.drilldown_url(of="nps", score=score) for score in distribution},
        looks={score: _nps_look(score) for score in distribution},
    )


def openings_by_hour(figures: Figures, *, query: Query) -> Chart:
    """Return the chart of conversations opened by local hour."""
    by_hour = figures.openings.by_hour
    bars = {
        hour: Part(
            value=number or None,
            name=f"{hours(hour)}: {texts.conversation_count(number)}",
            href=query.drilldown_url(of="opened", hour=hour),
            look="plain",
        )
        for hour, number in by_hour.items()
    }
    columns = [DrawnColumn(label=f"{hour:02d}", parts=[bar]) for hour, bar in bars.items()]
    return Chart(
        slug="openings-by-hour",
        note=gettext("By local hour of the day, summed over all days."),
        drawing=draw(columns, scale=count_scale(list(by_hour.values()))),
        table=Table(
            title=gettext("Conversations opened by hour"),
            columns=(Column(title=gettext("Hour")), Column(title=gettext("Opened"))),
            rows=[
                (_text_cell(f"{hour:02d}:00"), count_cell(by_hour[hour], href=link(bar)))
                for hour, bar in bars.items()
            ],
        ),
    )


def hours(hour: int) -> str:
    """Return the time of an hour, as in 09:00 to 09:59."""
    times = {"first": f"{hour:02d}:00", "last": f"{hour:02d}:59"}
    return gettext("%(first)s to %(last)s") % times


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
            name=gettext("Score %(score)s: %(answers)s")
            % {"score": score, "answers": texts.answer_count(number)},
            href=links[score],
            look=looks[score],
            label=texts.whole(number) if number < 10_000 else "",
        )
        for score, number in distribution.items()
    }
    columns = [DrawnColumn(label=str(score), parts=[bar]) for score, bar in bars.items()]
    return Chart(
        slug=slug,
        note=note,
        drawing=draw(columns, scale=count_scale(list(distribution.values()))),
        table=Table(
            title=title,
            columns=(Column(title=gettext("Score")), Column(title=gettext("Answers"))),
            rows=[
                (count_cell(score), count_cell(distribution[score], href=link(bar)))
                for score, bar in bars.items()
            ],
        ),
    )


def _text_cell(text: str) -> Cell:
    return Cell(value=text, text=text)


def _nps_look(score: int) -> str:
    if score in DETRACTORS:
        return "detractors"
    return "promoters" if score in PROMOTERS else "passives"
