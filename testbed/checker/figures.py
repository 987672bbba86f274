"""The figures that follow from the events, and their comparison with those of the service."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isclose
from statistics import fmean

from testbed.checker.report import Defect, Kind
from testbed.traffic.effects import Expected, ExpectedConversation
from testbed.traffic.events import HAS_CHAT_ROOM, RESOLVED, UNCLASSIFIED, UNRESOLVED, Answer

# The key of the figures of all projects together.
ALL_PROJECTS = "all projects"

_RESOLUTIONS = (RESOLVED, UNRESOLVED, UNCLASSIFIED, HAS_CHAT_ROOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFigures:
    """The figures of a project. Shares are in percent, and None without answers.

    `csat` is the share of 4 and 5, `nps` the share of promoters minus that of detractors.
    `closed` counts closings: a reopened conversation counts each time that it closes. `outreach`
    counts those in which the contact never wrote, `answered` the others with a CSAT or NPS answer;
    `survey_response` is their share of these others.
    """

    csat_answers: int
    csat: float | None
    csat_mean: float | None
    nps_answers: int
    promoters: int
    passives: int
    detractors: int
    nps: float | None
    closed: int
    by_resolution: Mapping[int, int]
    outreach: int
    answered: int
    survey_response: float | None


def expected_figures(expected: Expected) -> dict[str, ProjectFigures]:
    """Return the figures by project and of all projects, from the events alone."""
    conversations, answers = defaultdict(list), defaultdict(list)
    for conversation in expected.conversations:
        for project in (conversation.contact.project, ALL_PROJECTS):
            conversations[project].append(conversation)
    for one in expected.answers:
        if not one.answer.conversation and not one.answer.unscorable:
            for project in (one.contact.project, ALL_PROJECTS):
                answers[project].append(one.answer)
    return {
        project: figures_of(conversations[project], answers=answers[project])
        for project in {**conversations, **answers}
    }


def check_figures(
    *, expected: Mapping[str, ProjectFigures], found: Mapping[str, ProjectFigures]
) -> Iterator[Defect]:
    """Yield a defect for every wrong figure."""
    nothing = figures_of([])
    for project in {**expected, **found}:
        wanted, shown = expected.get(project, nothing), found.get(project, nothing)
        for field in fields(ProjectFigures):
            value, right = getattr(shown, field.name), getattr(wanted, field.name)
            if not _agree(value, right):
                what = f"the figure {field.name} of {project} is {value}, and must be {right}"
                yield Defect(Kind.LOST, what)


def figures_of(
    conversations: Sequence[ExpectedConversation], *, answers: Sequence[Answer] = ()
) -> ProjectFigures:
    """Return the figures of these conversations, and of answers without a conversation.

    Of the answers of a conversation, only the newest of each key counts.
    """
    csat, nps = (
        [
            *(score for one in conversations if (score := one.score(key)) is not None),
            *(one.score for one in answers if one.key == key and one.score is not None),
        ]
        for key in ("weni_csat", "weni_nps")
    )
    promoters, detractors = sum(score >= 9 for score in nps), sum(score <= 6 for score in nps)
    closings = [closing for each in conversations for closing in each.closings]
    wrote = [each for each in closings if each.contact_wrote]
    answered = sum(each.is_answered for each in wrote)
    return ProjectFigures(
        csat_answers=len(csat),
        csat=_percent(sum(score >= 4 for score in csat), len(csat)),
        csat_mean=fmean(csat) if csat else None,
        nps_answers=len(nps),
        promoters=promoters,
        passives=sum(score in (7, 8) for score in nps),
        detractors=detractors,
        nps=_percent(promoters - detractors, len(nps)),
        closed=len(closings),
        by_resolution={
            one: sum(each.resolution == one for each in closings) for one in _RESOLUTIONS
        },
        outreach=len(closings) - len(wrote),
        answered=answered,
        survey_response=_percent(answered, len(wrote)) if answered else None,
    )


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _agree(value: object, right: object) -> bool:
    if isinstance(value, float) and isinstance(right, float):
        return isclose(value, right, abs_tol=1e-9)
    return value == right
