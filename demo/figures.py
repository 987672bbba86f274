"""The figures of the traffic: what the events must come to, beside what the service says."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isclose
from statistics import fmean

from rich.table import Table

from demo.events import HAS_CHAT_ROOM, RESOLVED, UNCLASSIFIED, UNRESOLVED
from demo.expectations import Expectations, ExpectedConversation
from demo.problems import Kind, Problem

# Stands for a project's uuid where the figures are those of all projects, the samples' included.
ALL_PROJECTS = "all projects"

_RESOLUTIONS = (RESOLVED, UNRESOLVED, UNCLASSIFIED, HAS_CHAT_ROOM)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectFigures:
    """The figures of a project. Shares are in percent; what there is nothing of is None.

    `csat` is the share of 4 and 5, `nps` that of promoters minus that of detractors. `answered` of
    the `closed` conversations have a CSAT or NPS answer, which is the `response_rate`.
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


def expected_figures(expected: Expectations) -> dict[str, ProjectFigures]:
    """The figures by project and of all, worked out from what was sent and nothing else."""
    by_project = defaultdict(list)
    for conversation in expected.conversations.values():
        by_project[conversation.name.project_uuid].append(conversation)
        by_project[ALL_PROJECTS].append(conversation)
    return {project: _work_out(each) for project, each in by_project.items()}


def check_figures(
    *, expected: Mapping[str, ProjectFigures], found: Mapping[str, ProjectFigures]
) -> Iterator[Problem]:
    """Every figure that the service gets wrong."""
    nothing = _work_out([])
    for project in {**expected, **found}:
        wanted, there = expected.get(project, nothing), found.get(project, nothing)
        for field in fields(ProjectFigures):
            value, right = getattr(there, field.name), getattr(wanted, field.name)
            if not _agree(value, right):
                what = f"the figure {field.name} of {project} is {value}, and must be {right}"
                yield Problem(Kind.LOST, what)


def figures_table(
    *,
    names: Mapping[str, str],
    expected: Mapping[str, ProjectFigures],
    found: Mapping[str, ProjectFigures],
) -> Table:
    """The figures of the projects with these names, by uuid, and of all."""
    table = Table(title="Figures", title_justify="left")
    table.add_column("Project", no_wrap=True)
    table.add_column("")
    for name in ("CSAT %", "mean", "NPS", "Response %", "Closed"):
        table.add_column(name, justify="right")
    nothing = _work_out([])
    for project, name in {**names, ALL_PROJECTS: "All, with samples"}.items():
        wanted = _cells(expected.get(project, nothing))
        there = _cells(found.get(project, nothing))
        table.add_row(name, "expected", *wanted)
        table.add_row("", "found", *there, style="" if wanted == there else "red")
    return table


def _work_out(conversations: Sequence[ExpectedConversation]) -> ProjectFigures:
    """Every answer of the demo has a conversation, which keeps the last one of each kind."""
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
    scores = (conversation.scores.get(key) for conversation in conversations)
    return [score for score in scores if score is not None]


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _agree(value: object, right: object) -> bool:
    if isinstance(value, float) and isinstance(right, float):
        return isclose(value, right, abs_tol=1e-9)
    return value == right


def _cells(figures: ProjectFigures) -> tuple[str, ...]:
    return (
        _rounded(figures.csat),
        _rounded(figures.csat_mean, digits=2),
        _rounded(figures.nps),
        _rounded(figures.response_rate),
        str(figures.closed),
    )


def _rounded(value: float | None, *, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
