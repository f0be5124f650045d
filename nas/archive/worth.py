"""Which trained networks can be done without: in which order weights are dropped."""

from __future__ import annotations

import heapq
import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from nas.archive.artifacts import WEIGHTS
from nas.archive.rows import STUDY, study_of, trials_by_id
from nas.pareto import contributions, hypervolume, reference_of
from nas.trial import Trial

_ROWS = """
SELECT artifacts.trial, trials.study, sha256, bytes, front.trial IS NOT NULL
FROM artifacts JOIN trials ON trials.id = artifacts.trial
LEFT JOIN front ON front.trial = artifacts.trial
WHERE kind = ? ORDER BY artifacts.trial"""


@dataclass(frozen=True)
class Weights:
    """The weights of one trial.

    Args:
        trial: its id.
        study: name of its study.
        on_front: whether it is on the front of that.
        sha256: of the file, which several trials may share.
        bytes: its size.
    """

    trial: int
    study: str
    on_front: bool
    sha256: str
    bytes: int


def all_weights(connection: sqlite3.Connection) -> list[Weights]:
    """Return the weights that an archive keeps, by id of the trial."""
    names = dict(connection.execute("SELECT id, name FROM studies").fetchall())
    return [
        Weights(trial, names[study], bool(on_front), sha256, size)
        for trial, study, sha256, size, on_front in connection.execute(_ROWS, (WEIGHTS,))
    ]


def dispensable(connection: sqlite3.Connection, weights: Sequence[Weights]) -> Iterator[Weights]:
    """Yield weights in the order in which they can be done without.

    First those off the fronts: of each study from the worst first objective to the best, studies
    taking turns by the share that is left. Then those on a front, always the one without which its
    study would lose the least hypervolume, as a share of what all of them have (scaled to their
    extent, up to a tenth beyond it). Weights that are gone by then no longer count, so of two equal
    networks one stays until there is nothing less.
    """
    trials = _trials(connection, [one.trial for one in weights])
    on_front = {
        one.trial
        for one in weights
        if one.on_front and all(map(math.isfinite, trials[one.trial].losses or (math.nan,)))
    }
    yield from _off_front([one for one in weights if one.trial not in on_front], trials)
    yield from _on_front([one for one in weights if one.trial in on_front], trials)


def _trials(connection: sqlite3.Connection, ids: Sequence[int]) -> dict[int, Trial]:
    sql = f"{STUDY} WHERE id IN (SELECT study FROM trials JOIN json_each(?) ON value = trials.id)"
    studies = [study_of(row, "") for row in connection.execute(sql, (json.dumps(ids),))]
    goals = {study.id: study.goals for study in studies}
    return {trial.id: trial for trial in trials_by_id(connection, goals, ids)}


def _by_study(weights: Sequence[Weights]) -> dict[str, list[Weights]]:
    found: dict[str, list[Weights]] = {}
    for one in weights:
        found.setdefault(one.study, []).append(one)
    return found


def _off_front(weights: Sequence[Weights], trials: dict[int, Trial]) -> Iterator[Weights]:
    placed: list[tuple[float, int, Weights]] = []
    for of_study in _by_study(weights).values():
        ordered = sorted(of_study, key=lambda one: _loss(trials[one.trial]))
        placed += [
            ((place + 1) / len(ordered), -one.trial, one) for place, one in enumerate(ordered)
        ]
    yield from (one for *_, one in sorted(placed, key=lambda p: p[:2], reverse=True))


def _loss(trial: Trial) -> tuple[float, int]:
    loss = trial.losses[0] if trial.losses else math.inf
    return (math.inf if math.isnan(loss) else loss, trial.number)


def _on_front(weights: Sequence[Weights], trials: dict[int, Trial]) -> Iterator[Weights]:
    """Take the least of all studies, and look at its study again."""
    left = {
        study: _Front(of_study, [trials[one.trial].losses for one in of_study])
        for study, of_study in _by_study(weights).items()
    }
    heap = [(front.least(), study) for study, front in left.items()]
    heapq.heapify(heap)
    while heap:
        _, study = heapq.heappop(heap)
        yield left[study].drop()
        if left[study].weights:
            heapq.heappush(heap, (left[study].least(), study))


class _Front:
    """The weights of a study's front that are left."""

    def __init__(self, weights: Sequence[Weights], losses: Sequence[Sequence[float]]) -> None:
        self.weights = list(weights)
        points = np.asarray(losses, dtype=np.float64)
        low, extent = points.min(axis=0), np.ptp(points, axis=0)
        self._points = (points - low) / np.where(extent > 0, extent, 1.0)
        self._reference = reference_of(self._points).tolist()
        self._whole = hypervolume(self._points, self._reference)

    def least(self) -> float:
        """Return the smallest share of the hypervolume that one adds."""
        shares = contributions(self._points, self._reference) / self._whole
        self._place = int(shares.argmin())
        return float(shares[self._place])

    def drop(self) -> Weights:
        """Return the one that adds it, which is gone then."""
        self._points = np.delete(self._points, self._place, axis=0)
        return self.weights.pop(self._place)
