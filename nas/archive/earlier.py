"""What an archive knows of a network that is to be evaluated: has it been, in the same way?"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nas.architecture import Architecture
from nas.archive.artifacts import WEIGHTS, Artifacts
from nas.archive.rows import artifacts_of, curve_of, measurements_of, number_or_nan
from nas.study import Study
from nas.trial import CurvePoint, Measurement

_FIND = """
SELECT trials.id, trials.seed FROM architectures
JOIN trials ON trials.architecture = architectures.id
JOIN studies ON studies.id = trials.study
WHERE architectures.canonical_id = :canonical_id AND studies.evaluation = :evaluation
    AND trials.status = 'complete' AND trials.reused IS NULL AND trials.budget IS :budget
    AND (:decisions IS NULL OR architectures.decisions = :decisions)
ORDER BY trials.id LIMIT 1"""


@dataclass(frozen=True)
class Earlier:
    """An evaluation that can be used again.

    Args:
        id: of the trial that was evaluated.
        seed: what it was seeded with.
        metrics: all of that trial, its analytic objectives among them.
        measurements: spread and protocol of the measured ones.
        curve: the learning curve.
        weights: gives the trained weights (safetensors); None if they are not kept.
    """

    id: int
    seed: int
    metrics: Mapping[str, float]
    measurements: Mapping[str, Measurement]
    curve: tuple[CurvePoint, ...]
    weights: Callable[[], bytes] | None


def find_earlier(
    connection: sqlite3.Connection,
    artifacts: Artifacts,
    study: Study,
    canonical_id: str,
    architecture: Architecture | None,
    budget: int | None,
) -> Earlier | None:
    """Return the first complete trial of the same network that was evaluated in the same way.

    Args:
        connection: to an archive.
        artifacts: its files.
        study: for which it is wanted; trials of every study with its ``evaluation`` count.
        canonical_id: of the network.
        architecture: the decisions, if those must be the same too.
        budget: what would be spent.
    """
    values = {
        "canonical_id": canonical_id,
        "evaluation": study.evaluation,
        "budget": budget,
        "decisions": None if architecture is None else architecture.to_json(),
    }
    found = connection.execute(_FIND, values).fetchone()
    if found is None:
        return None
    id_, seed = found
    metrics = connection.execute("SELECT name, value FROM metrics WHERE trial = ?", (id_,))
    weights = [a.sha256 for a in artifacts_of(connection, id_) if a.kind == WEIGHTS]
    return Earlier(
        id_,
        seed,
        {name: number_or_nan(value) for name, value in metrics},
        measurements_of(connection, id_),
        curve_of(connection, id_),
        (lambda: artifacts.read(weights[0])) if weights else None,
    )
