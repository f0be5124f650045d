"""How a study came to its best: by trial, and by time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas.errors import ArchiveError
from nas.goals import Goal
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
from nas.trial import Status

if TYPE_CHECKING:
    from nas.archive import Archive
    from nas.study import Study

WIDTH, HEIGHT = 1120, 520
_SAME = ("data", "evaluator", "hyper", "limits")
"""Parts of a config in which a study and its random search agree."""
MOST = 8
"""Studies of random search that stand beside."""


@dataclass(frozen=True)
class Course:
    """The best of a study so far, after each evaluated trial.

    Args:
        study: its name.
        trials: how many had been evaluated, from 1.
        seconds: spent on evaluating and choosing, as if one trial had followed the other.
        best: value of one objective, or the hypervolume.
    """

    study: str
    trials: Sequence[int]
    seconds: Sequence[float]
    best: Sequence[float]


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
        ArchiveError: no trial is complete, or nobody knows one of the objectives.
    """
    goals = chosen_goals(archive, study, objectives)
    subject = Subject.read(archive, study)
    with_values(subject, goals)
    others = random_studies(archive, study)
    compared = archive.compared([study, *others], objectives=goals)
    if not len(compared.ids):
        raise ArchiveError(f"study {study.name!r} has no trial within its bounds yet")
    reference = compared.reference() if len(goals) > 1 else None
    own, *beside = (course_of(archive, one, goals, reference) for one in (study, *others))
    if not own.best:
        raise ArchiveError(f"study {study.name!r} has no trial within its bounds yet")
    return _figure(subject, goals, own, [one for one in beside if one.best], reference, log=log)


def random_studies(archive: Archive, study: Study) -> list[Study]:
    """Return the studies that searched the same space for the same objectives at random.

    They have the same data and evaluator, so that they can be compared. A study that is itself
    random has none.
    """
    if is_random(study):
        return []
    space = _space(archive, study)
    found = [
        other
        for other in archive.studies()
        if is_random(other)
        and all(other.config.get(key) == study.config.get(key) for key in _SAME)
        and other.goals == study.goals
        and _space(archive, other) == space
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


def course_of(
    archive: Archive, study: Study, goals: Sequence[Goal], reference: Sequence[float] | None
) -> Course:
    """Return how a study came to its best; it has nothing before the first feasible trial.

    Args:
        archive: has the study.
        study: which one.
        goals: one objective, or several and the hypervolume's ``reference``.
        reference: losses, or None.
    """
    done = archive.progress(study, objectives=goals)
    worth = done.worth(reference)
    known = [i for i, value in enumerate(worth.tolist()) if math.isfinite(value)]
    return Course(
        study.name,
        [i + 1 for i in known],
        [float(done.seconds[i]) for i in known],
        [float(worth[i]) for i in known],
    )


def _figure(
    subject: Subject,
    goals: Sequence[Goal],
    course: Course,
    beside: Sequence[Course],
    reference: Sequence[float] | None,
    *,
    log: bool,
) -> Figure:
    single = reference is None
    what = f"best {short(goals[0].metric)}" if single else "hypervolume"
    title = subject.title(f"{what} in the course")
    vertical = measured(goals[0]) if single else f"hypervolume of {_names(goals)}"
    kind = log_axis(b for one in (course, *beside) for b in one.best) if log else {}
    every = [course, *beside]
    most = max(n for one in every for n in one.trials)
    longest = max(s for one in every for s in one.seconds)
    scale, unit = time_scale(longest)
    layout = frame(title, _captions(subject, goals, reference), width=WIDTH)
    layout["height"] = HEIGHT
    layout["xaxis"] = axis("evaluated trials", domain=[0, 0.46], range=[0, 1.03 * most])
    layout["yaxis"] = axis(vertical, **kind)
    seconds = axis(f"{unit} spent on evaluating and choosing", domain=[0.54, 1], anchor="y2")
    layout["xaxis2"] = {**seconds, "range": [0, 1.03 * longest / scale]}
    layout["yaxis2"] = axis("", **kind, anchor="x2", matches="y")
    traces = [_each(subject, goals)] if single else []
    traces += [*_steps(course, beside, None), *_steps(course, beside, scale)]
    end = number(course.best[-1], goals[0].unit if single else "")
    return Figure(title, traces, layout, WIDTH, HEIGHT, f"{what} {end} in the end")


def _names(goals: Sequence[Goal]) -> str:
    return ", ".join(short(goal.metric, 30) for goal in goals)


def _captions(
    subject: Subject, goals: Sequence[Goal], reference: Sequence[float] | None
) -> list[str]:
    said = []
    if reference is not None:
        at = ", ".join(
            f"{short(goal.metric, 30)} {number(goal.loss(loss), goal.unit)}"
            for goal, loss in zip(goals, reference, strict=True)
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


def _each(subject: Subject, goals: Sequence[Goal]) -> Trace:
    """Return each trial's own value, where there is one objective."""
    evaluated = [t for t in subject.trials if t.status is not Status.INFEASIBLE]
    position = {trial.id: i for i, trial in enumerate(evaluated, 1)}
    trials = [trial for trial in with_values(subject, goals) if trial.feasible]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "each trial",
        "x": [position[trial.id] for trial in trials],
        "y": [trial.metrics[goals[0].metric] for trial in trials],
        "hovertext": [subject.hover(trial) for trial in trials],
        "hoverinfo": "text",
        "marker": {"symbol": "circle-open", "color": GREY, "size": 6},
    }


def _studies(n: int) -> str:
    return "1 study" if n == 1 else f"{n} studies"


def _steps(course: Course, beside: Sequence[Course], scale: float | None) -> list[Trace]:
    """Return the lines of the best so far, by trial or, with a ``scale``, by time."""
    traces: list[Trace] = []
    for i, one in enumerate((*beside, course)):
        own = one is course
        look: dict[str, Any] = {"color": FAINT, "width": 1.4, "dash": "dash"}
        look = {"color": BLUE, "width": 2.6} if own else look
        several = f"random search ({_studies(len(beside))})"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": text(short(one.study)) if own else several,
                "legendgroup": "own" if own else "random",
                "showlegend": scale is None and (own or i == 0),
                "x": list(one.trials) if scale is None else [s / scale for s in one.seconds],
                "y": list(one.best),
                "line": {"shape": "hv", **look},
                "hoverinfo": "x+y",
                **({} if scale is None else {"xaxis": "x2", "yaxis": "y2"}),
            }
        )
    return traces
