"""The figures that follow from the events, and their comparison with those of the service."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isclose
from statistics import fmean

from testbed.checker.report import Defect, Kind
from testbed.traffic.effects import Expected, ExpectedConversation
from testbed.traffic.events import HAS_CHAT_ROOM, RESOLVED, UNCLASSIFIED, UNRESOLVED

# The key of the figures of all projects together.
ALL_PROJECTS = "all projects"

_RESOLUTIONS = (RESOLVED, UNRESOLVED, UNCLASSIFIED, HAS_CHAT_ROOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFigures:
    """The figures of a project. Shares are in percent, and None without answers or closings.

    `csat` is the share of 4 and 5, `nps` the share of promoters minus that of detractors.
    `answered` counts the `closed` conversations with a CSAT or NPS answer; `response_rate` is their
    share.
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
    answered: int
    response_rate: float | None


def expected_figures(expected: Expected) -> dict[str, ProjectFigures]:
    """Return the figures by project and of all projects, from the events alone."""
    by_project = defaultdict(list)
    for conversation in expected.conversations:
        by_project[conversation.contact.project].append(conversation)
        by_project[ALL_PROJECTS].append(conversation)
    return {project: figures_of(each) for project, each in by_project.items()}


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


def figures_of(conversations: Sequence[ExpectedConversation]) -> ProjectFigures:
    """Return the figures of these conversations, from the newest answers of each.

    Answers without a conversation do not count.
    """
    csat = _scores(conversations, "weni_csat")
    nps = _scores(conversations, "weni_nps")
    promoters, detractors = sum(score >= 9 for score in nps), sum(score <= 6 for score in nps)
    closed = [each for each in conversations if each.is_closed]
    answered = sum(bool({"weni_csat", "weni_nps"} & each.scores.keys()) for each in closed)
    return ProjectFigures(
        csat_answers=len(csat),
        csat=_percent(sum(score >= 4 for score in csat), len(csat)),
        csat_mean=fmean(csat) if csat else None,
        nps_answers=len(nps),
        promoters=promoters,
        passives=sum(score in (7, 8) for score in nps),
        detractors=detractors,
        nps=_percent(promoters - detractors, len(nps)),
        closed=len(closed),
        by_resolution={one: sum(each.resolution == one for each in closed) for one in _RESOLUTIONS},
        answered=answered,
        response_rate=_percent(answered, len(closed)),
    )


def _scores(conversations: Sequence[ExpectedConversation], key: str) -> list[int]:
    scores = (conversation.score(key) for conversation in conversations)
    return [score for score in scores if score is not None]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _agree(value: object, right: object) -> bool:
    if isinstance(value, float) and isinstance(right, float):
        return isclose(value, right, abs_tol=1e-9)
    return value == right
