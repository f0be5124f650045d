"""How a study came to its best: by trial, and by time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.errors import ArchiveError
from nas.goals import Goal, losses
from nas.pareto import Front, front, hypervolume, reference_of
from nas.pictures.figure import (
    BLUE,
    FAINT,
    GREY,
    Figure,
    Trace,
    axis,
    frame,
    log_axis,
    measured,
    short,
    text,
)
from nas.pictures.trials import Subject, chosen_goals, with_values
from nas.text import count, number
from nas.trial import Status, Trial

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.archive.sessions import Session
    from nas.study import Study

WIDTH, HEIGHT = 1120, 520
MOST = 8
"""Studies of random search that stand beside."""
_ENDS = """
SELECT trials.id, started + seconds FROM trials JOIN studies ON studies.id = trials.study
WHERE studies.id = {id} AND started > 0"""


@dataclass(frozen=True)
class Course:
    """The best of a study so far.

    Args:
        study: its name.
        trials: how many had been proposed at each change, from 1; the last is all there are.
        best: so far: the value of one objective, or the hypervolume.
        seconds: of searching, at each change; empty if nobody measured.
        best_by_time: the best at these.
    """

    study: str
    trials: Sequence[int]
    best: Sequence[float]
    seconds: Sequence[float]
    best_by_time: Sequence[float]


def history_figure(
    archive: Archive, study: Study, *, objectives: str | None = None, log: bool = False
) -> Figure:
    """Draw the best value of an objective, or the hypervolume of several, as it came about.

    Studies of the same archive that searched the same space for the same objectives at random are
    drawn beside.

    Args:
        archive: has the study.
        study: which one.
        objectives: as ``chosen_goals`` has them.
        log: whether the vertical axis is logarithmic.

    Raises:
        ArchiveError: no trial is complete.
    """
    subject = Subject.read(archive, study)
    goals = chosen_goals(subject, objectives)
    others = [Subject.read(archive, other) for other in random_studies(archive, study)]
    others = [other for other in others if _has_values(other, goals)]
    points = [losses(goals, t.metrics) for s in (subject, *others) for t in feasible(s, goals)]
    if not points:
        raise ArchiveError(f"study {study.name!r} has no trial within its bounds yet")
    best = np.asarray(points)[front(points)]
    reference = reference_of(best) if len(goals) > 1 else None
    course = course_of(archive, subject, goals, reference)
    beside = [course_of(archive, other, goals, reference) for other in others]
    return _figure(subject, goals, course, beside, reference, log=log)


def random_studies(archive: Archive, study: Study) -> list[Study]:
    """Return the studies that searched the same space for the same objectives at random."""
    if is_random(study):
        return []
    space = _space(archive, study)
    found = [
        other
        for other in archive.studies()
        if is_random(other) and other.goals == study.goals and _space(archive, other) == space
    ]
    return found[-MOST:]


def is_random(study: Study) -> bool:
    """Tell whether a study's strategy is random search, and nothing chooses for it."""
    named = study.config.get("strategy")
    name = named.get("name") if isinstance(named, Mapping) else named
    plain = name in ("random", "strategies:random")
    return plain and not study.config.get("filter")


def _space(archive: Archive, study: Study) -> list[tuple[str, Mapping[str, Any]]]:
    return [(c.name, c.parameters) for c in archive.components(study) if c.role == "space"]


def _has_values(subject: Subject, goals: Sequence[Goal]) -> bool:
    return any(all(goal.metric in t.metrics for goal in goals) for t in subject.complete)


def feasible(subject: Subject, goals: Sequence[Goal]) -> list[Trial]:
    """Return the complete trials within the study's bounds, by number."""
    return [trial for trial in with_values(subject, goals) if trial.violation == 0]


def course_of(
    archive: Archive, subject: Subject, goals: Sequence[Goal], reference: Any = None
) -> Course:
    """Return how a study came to its best.

    Args:
        archive: has the study.
        subject: the study with its trials.
        goals: one objective, or several and the hypervolume's ``reference``.
        reference: losses, or None.
    """
    trials = feasible(subject, goals)
    position = {trial.id: i for i, trial in enumerate(subject.trials, 1)}
    by_trial = _so_far(trials, goals, reference)
    ends = _ends(archive, subject)
    timed = sorted((t for t in trials if t.id in ends), key=lambda t: ends[t.id])
    by_time = _so_far(timed, goals, reference)
    last = [len(subject.trials)] if trials else []
    return Course(
        subject.study.name,
        [*(position[trial.id] for trial in trials), *last],
        [*by_trial, *by_trial[-1:]],
        [ends[trial.id] for trial in timed],
        by_time,
    )


def _so_far(trials: Sequence[Trial], goals: Sequence[Goal], reference: Any) -> list[float]:
    found: list[float] = []
    kept: Front[int] = Front()
    for trial in trials:
        point = losses(goals, trial.metrics)
        if reference is None:
            better = min if goals[0].direction == "minimize" else max
            value = trial.metrics[goals[0].metric]
            found.append(better(found[-1], value) if found else value)
        elif kept.add(trial.id, point)[0] or not found:
            found.append(hypervolume(kept.points, reference))
        else:
            found.append(found[-1])
    return found


def _ends(archive: Archive, subject: Subject) -> dict[int, float]:
    """Return the seconds of searching, pauses between sessions left out, by trial id."""
    sessions = archive.sessions(subject.study)
    _, rows = archive.query(_ENDS.format(id=int(subject.study.id)))
    return {id_: searched(sessions, end) for id_, end in rows} if sessions else {}


def searched(sessions: Sequence[Session], at: float) -> float:
    """Return for how many seconds a study had been searched at a Unix time."""
    return sum(max(0.0, min(s.began + s.seconds, at) - s.began) for s in sessions)


def _figure(
    subject: Subject,
    goals: Sequence[Goal],
    course: Course,
    beside: Sequence[Course],
    reference: Any,
    *,
    log: bool,
) -> Figure:
    single = reference is None
    what = f"best {short(goals[0].metric)}" if single else "hypervolume"
    title = subject.title(f"{what} in the course")
    vertical = measured(goals[0]) if single else f"hypervolume of {_names(goals)}"
    kind = log_axis(b for one in (course, *beside) for b in one.best) if log else {}
    timed = bool(course.seconds)
    every = [course, *beside]
    most = max(n for one in every for n in one.trials)
    longest = max((s for one in every for s in one.seconds), default=1.0)
    scale, unit = time_scale(longest)
    layout = frame(title, _captions(subject, goals, reference), width=WIDTH)
    layout["height"] = HEIGHT
    layout["xaxis"] = axis("trials", domain=[0, 0.46 if timed else 1], range=[0, 1.03 * most])
    layout["yaxis"] = axis(vertical, **kind)
    traces = _panel(subject, goals, course, beside, None) if single else []
    traces = [*traces, *_steps(course, beside, None)]
    if timed:
        seconds = axis(f"{unit} of searching", domain=[0.54, 1], anchor="y2")
        layout["xaxis2"] = {**seconds, "range": [0, 1.03 * longest / scale]}
        layout["yaxis2"] = axis("", **kind, anchor="x2", matches="y")
        traces += _steps(course, beside, scale)
    end = number(course.best[-1], goals[0].unit if single else "")
    return Figure(title, traces, layout, WIDTH, HEIGHT, f"{what} {end} in the end")


def _names(goals: Sequence[Goal]) -> str:
    return ", ".join(short(goal.metric, 30) for goal in goals)


def _captions(subject: Subject, goals: Sequence[Goal], reference: Any) -> list[str]:
    said = []
    if reference is not None:
        at = ", ".join(
            f"{short(goal.metric, 30)} {number(goal.loss(loss), goal.unit)}"
            for goal, loss in zip(goals, reference.tolist(), strict=True)
        )
        said.append(f"The volume that is dominated up to {at}: higher is better.")
    without = len(subject.trials) - sum(t.status is Status.COMPLETE for t in subject.trials)
    if without:
        said.append(f"{count(without, 'trial')} without a final value: {subject.beside()}.")
    return said


def time_scale(longest: float) -> tuple[float, str]:
    """Return by what seconds are divided to be read, and the unit then."""
    if longest < 180:
        return 1.0, "seconds"
    return (60.0, "minutes") if longest < 3 * 3600 else (3600.0, "hours")


def _panel(
    subject: Subject, goals: Sequence[Goal], course: Course, beside: Sequence[Course], scale: Any
) -> list[Trace]:
    """Return each trial's own value, where there is one objective."""
    trials = feasible(subject, goals)
    position = {trial.id: i for i, trial in enumerate(subject.trials, 1)}
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "each trial",
            "x": [position[trial.id] for trial in trials],
            "y": [trial.metrics[goals[0].metric] for trial in trials],
            "hovertext": [subject.hover(trial) for trial in trials],
            "hoverinfo": "text",
            "marker": {"symbol": "circle-open", "color": GREY, "size": 6},
        }
    ]


def _studies(n: int) -> str:
    return "1 study" if n == 1 else f"{n} studies"


def _steps(course: Course, beside: Sequence[Course], scale: float | None) -> list[Trace]:
    """Return the lines of the best so far, by trial or, with a ``scale``, by time."""
    several = f"random search ({_studies(len(beside))})"
    traces: list[Trace] = []
    for i, one in enumerate((*beside, course)):
        own = one is course
        look: dict[str, Any] = {"color": FAINT, "width": 1.4, "dash": "dash"}
        look = {"color": BLUE, "width": 2.6} if own else look
        times = None if scale is None else [s / scale for s in one.seconds]
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text(short(one.study)) if own else several,
                "legendgroup": "own" if own else "random",
                "showlegend": scale is None and (own or i == 0),
                "x": list(one.trials) if times is None else times,
                "y": list(one.best if times is None else one.best_by_time),
                "line": {"shape": "hv", **look},
                "hoverinfo": "x+y",
                **({} if scale is None else {"xaxis": "x2", "yaxis": "y2"}),
            }
        )
    return [trace for trace in traces if any(map(math.isfinite, trace["y"]))]
