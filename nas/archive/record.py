"""What the engine hands to the archive for one trial."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nas.architecture import Architecture
from nas.trial import CurvePoint, Measurement, Ruling, Trial


@dataclass(frozen=True)
class Score:
    """What a proxy or predictor thought of one candidate of a proposal.

    Args:
        scorer: ``proxy:NAME`` or ``predictor:NAME``.
        architecture: the candidate.
        canonical_id: its canonical id.
        value: higher is better; None if it could not be scored (NaN is archived as None).
        failure: why not.
    """

    scorer: str
    architecture: Architecture
    canonical_id: str
    value: float | None
    failure: str | None = None


@dataclass(frozen=True)
class Record:
    """A trial with everything that is kept of it.

    Args:
        trial: as told to the strategy; ``trial.id`` is 0.
        canonical_id: of the architecture.
        text: the architecture in the space's own string form.
        curve: the learning curve, by increasing step.
        measurements: spread and protocol of the measured metrics, by metric; their values are
            archived as metrics of the trial, whether it lists them or not.
        scores: of all candidates that were scored for this proposal.
        started: Unix time at which the worker began.
        worker: which machine and device it ran on.
        weights: gives the trained weights as safetensors bytes, or None if they were lost; called
            only if they are kept.
        reused: id of the trial whose evaluation answered this one, or None.
        told: in order of completion, how many trials had been told when this one was proposed.
        choosing: seconds that it took to choose it: telling the strategy what had ended since the
            proposal before, asking it, and scoring candidates. None if nobody measured.
        rulings: what a scheduler has decided on it.
    """

    trial: Trial
    canonical_id: str
    text: str
    curve: tuple[CurvePoint, ...] = ()
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()
    started: float = 0.0
    worker: str = ""
    weights: Callable[[], bytes | None] | None = None
    reused: int | None = None
    told: int | None = None
    choosing: float | None = None
    rulings: tuple[Ruling, ...] = ()


@dataclass(frozen=True)
class ComponentRecord:
    """Provenance of one component that a study uses.

    Args:
        role: ``space``, ``dataset``, ``evaluator``, ``strategy``, ``objective``, ``proxy`` or
            ``predictor``.
        name: full name, ``plugin:name``.
        parameters: as given, plain JSON values.
        distribution: what installed it, ``(file)`` for a plugin file.
        version: of the distribution, or a digest of the file.
    """

    role: str
    name: str
    parameters: Mapping[str, Any]
    distribution: str
    version: str
