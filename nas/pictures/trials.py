"""The trials of a study as pictures need them."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from nas.errors import ArchiveError
from nas.goals import Goal
from nas.pictures.figure import short, text
from nas.suggest import listed
from nas.text import count, number
from nas.trial import Status, Trial

if TYPE_CHECKING:
    import numpy.typing as npt

    from nas.archive import Archive
    from nas.study import Study

_TEXTS = """
SELECT trials.id, architectures.text
FROM trials JOIN architectures ON architectures.id = trials.architecture
WHERE trials.id IN (SELECT value FROM json_each('{ids}'))"""


FENCE, FEW, MANY = 3.0, 0.1, 10
"""Interquartile ranges from which values are far out, the most such among so many at least."""


@dataclass(frozen=True)
class Subject:
    """A study and its trials.

    Args:
        study: which one.
        trials: by number, without cancelled ones.
        on_front: ids of those on its front.
        texts: architectures in the space's own string form, by trial id.
    """

    study: Study
    trials: Sequence[Trial]
    on_front: frozenset[int]
    texts: Mapping[int, str]

    @classmethod
    def read(cls, archive: Archive, study: Study) -> Subject:
        """Read it from an archive."""
        trials = [t for t in archive.trials(study) if t.status is not Status.CANCELLED]
        ids = json.dumps([trial.id for trial in trials])
        _, rows = archive.query(_TEXTS.format(ids=ids))
        on_front = frozenset(trial.id for trial in archive.front(study))
        return cls(study, trials, on_front, {id_: str(said) for id_, said in rows})

    @cached_property
    def complete(self) -> list[Trial]:
        """The trials that are complete."""
        return [trial for trial in self.trials if trial.status is Status.COMPLETE]

    def title(self, what: str) -> str:
        """Return a title: the study, what is shown of it, and how many trials it has."""
        return f"{short(self.study.name)}: {what} of {count(len(self.trials), 'trial')}"

    def beside(self) -> str:
        """Say how many trials are not complete, and why; empty if all are."""
        counts = Counter(trial.status for trial in self.trials)
        others = [f"{n:,} {status}" for status, n in counts.items() if status != Status.COMPLETE]
        return ", ".join(others)

    def hover(self, trial: Trial, most: int = 12) -> str:
        """Return what is said of a trial where a pointer rests on it, escaped."""
        units = {goal.metric: goal.unit for goal in self.study.goals}
        names = [*units, *(name for name in sorted(trial.metrics) if name not in units)]
        known = [name for name in names if name in trial.metrics]
        shown = [
            f"{text(short(name, 30))}: {text(number(trial.metrics[name], units.get(name, '')))}"
            for name in known[:most]
        ]
        architecture = text(short(self.texts.get(trial.id, ""), 130))
        return "<br>".join([f"<b>trial {trial.id}</b>", architecture, *shown])


def chosen_goals(archive: Archive, study: Study, objectives: str | None) -> tuple[Goal, ...]:
    """Return the objectives that are named with commas, such as ``error,accuracy:max``.

    Args:
        archive: has the study.
        study: which one.
        objectives: None is the study's own.

    Raises:
        ArchiveError: nobody knows one of them, or which way it is better.
    """
    if objectives is None:
        return study.goals
    names = [part.strip() for part in objectives.split(",") if part.strip()]
    return archive.compared(study, objectives=names).goals


def with_values(subject: Subject, goals: Sequence[Goal]) -> list[Trial]:
    """Return the complete trials that have a finite value of every objective.

    Raises:
        ArchiveError: there is none.
    """
    found = [
        trial
        for trial in subject.complete
        if all(math.isfinite(trial.metrics.get(goal.metric, math.nan)) for goal in goals)
    ]
    if not found:
        names = listed([goal.metric for goal in goals])
        raise ArchiveError(
            f"study {subject.study.name!r} has no complete trial with a value of {names}: "
            "there is nothing to draw yet"
        )
    return found


def with_text(study: Study, trial: Trial, architecture: str) -> str:
    """Return a trial in words: its objectives, and the architecture; not escaped."""
    values = [
        f"{short(goal.metric, 30)} {number(trial.metrics[goal.metric], goal.unit)}"
        for goal in study.goals
        if goal.metric in trial.metrics
    ]
    return ", ".join([*values, short(architecture, 120)])


def far_out(losses: Sequence[float] | npt.NDArray[np.float64]) -> float | None:
    """Return the loss beyond which lie a few that are far worse than all others, or None.

    J. W. Tukey, "Exploratory Data Analysis" (1977), calls "far out" what lies beyond the outer
    fences, three times the interquartile range from the quartiles.
    """
    if len(losses) < MANY:
        return None
    low, high = np.quantile(losses, [0.25, 0.75])
    fence = float(high + FENCE * (high - low))
    every = np.asarray(losses)
    inside = every[every <= fence]
    few = 0 < len(every) - len(inside) <= FEW * len(every)
    return float(inside.max()) if few else None
