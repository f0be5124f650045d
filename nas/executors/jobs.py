"""What crosses from driver to worker and back: names and numbers, never objects."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from nas.architecture import Architecture
from nas.plugins import PluginFile
from nas.trial import CurvePoint, Failure, Measurement


@dataclass(frozen=True)
class Ref:
    """A component by its full name, and its parameters as plain JSON values."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setup:
    """What all jobs of a study share; a worker builds it once.

    Args:
        space: where architectures are from.
        evaluator: what turns them into metrics.
        measured: measured objectives.
        files: plugin files, which travel as text.
        versions: of the distributions that these come from, by name; a worker has the same.
    """

    space: Ref
    evaluator: Ref
    measured: tuple[Ref, ...] = ()
    files: tuple[PluginFile, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return it as JSON; ``from_json`` is its inverse."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Setup:
        """Read what ``to_json`` wrote."""
        values = json.loads(text)
        return cls(
            Ref(**values["space"]),
            Ref(**values["evaluator"]),
            tuple(Ref(**ref) for ref in values["measured"]),
            tuple(PluginFile(**file) for file in values["files"]),
            values["versions"],
        )


@dataclass(frozen=True)
class Job:
    """One evaluation to do.

    Args:
        number: of the trial.
        architecture: what to evaluate.
        budget: in the evaluator's unit, or None.
        seed: of everything random in it.
        asks: steps at whose first report it asks whether to go on, increasing; None if it reports
            nothing before it has ended.
        inherits: the job whose snapshot it begins with, under its own number; None for none.
    """

    number: int
    architecture: Architecture
    budget: int | None
    seed: int
    asks: tuple[int, ...] | None = None
    inherits: Job | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a job: metrics, or a failure.

    Args:
        number: of the trial.
        metrics: from the evaluator and the measured objectives, by name.
        measurements: spread and protocol of the measured ones.
        curve: as it was reported.
        failure: why there are no metrics.
        started: Unix time.
        seconds: wall time of the job.
        worker: machine and device.
        weight_bytes: size of the trained weights, which travel apart; 0 if there are none.
        unknown: why a metric has no value, by name.
        ended: ``stopped`` or ``paused`` if a verdict ended it before its full budget,
            ``preempted`` if it has to run again because others needed its worker; else empty.
    """

    number: int
    metrics: Mapping[str, float] = field(default_factory=dict)
    measurements: Mapping[str, Measurement] = field(default_factory=dict)
    curve: tuple[CurvePoint, ...] = ()
    failure: Failure | None = None
    started: float = 0.0
    seconds: float = 0.0
    worker: str = ""
    weight_bytes: int = 0
    unknown: Mapping[str, Failure] = field(default_factory=dict)
    ended: str = ""


@dataclass(frozen=True)
class Finished:
    """An outcome, and a way to fetch the trained weights (safetensors) if they are wanted.

    It returns None if they were lost with the machine that had them.
    """

    outcome: Outcome
    weights: Callable[[], bytes | None] | None = None
