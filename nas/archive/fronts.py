"""The front of a study while it is written to: in memory, as it is in the file."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable

from nas.archive.rows import by_first_objective, front_of
from nas.pareto import Front
from nas.study import Study
from nas.trial import Trial


class StudyFront:
    """The trials of one study that no other dominates, and what has changed since ``saved``.

    Only feasible complete trials get in, and only if every objective is finite: NaN compares with
    nothing, and an infinite objective is no point of a trade-off curve.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        self._front: Front[int] = Front()
        self._trials: dict[int, Trial] = {}
        self._numbers: tuple[int, ...] | None = None
        self.saved()
        self.add(trials)
        self.saved()

    @classmethod
    def load(cls, connection: sqlite3.Connection, study: Study) -> StudyFront:
        """Read what an archive holds."""
        return cls(front_of(connection, study))

    def saved(self) -> None:
        """Forget what has changed: it is in the file."""
        self.entered: dict[int, Trial] = {}
        self.left: set[int] = set()

    @property
    def changed(self) -> bool:
        """Tell whether the front is another than the saved one."""
        return bool(self.entered or self.left)

    def add(self, trials: Iterable[Trial]) -> None:
        """Take in those trials that no other dominates; those they dominate leave."""
        able = [t for t in trials if t.feasible and all(map(math.isfinite, t.losses))]
        # most are beaten by what is there already, and all at once is cheaper than one by one
        beaten = self._front.beaten([trial.losses for trial in able])
        for trial in (t for t, is_beaten in zip(able, beaten, strict=True) if not is_beaten):
            self._add(trial)

    def _add(self, trial: Trial) -> None:
        is_on_front, driven_off = self._front.add(trial.id, trial.losses)
        if is_on_front:
            self._numbers = None
            self.entered[trial.id] = self._trials[trial.id] = trial
        for id_ in driven_off:
            del self._trials[id_]
            if self.entered.pop(id_, None) is None:
                self.left.add(id_)

    def numbers(self) -> tuple[int, ...]:
        """Return the numbers of the trials on the front, in order."""
        if self._numbers is None:
            self._numbers = tuple(sorted(trial.number for trial in self._trials.values()))
        return self._numbers

    def trials(self) -> list[Trial]:
        """Return the trials on the front, by first objective."""
        return by_first_objective(self._trials.values())
