"""Objectives that the evaluator reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from nas import ReportedObjective, checks
from nas.goals import Direction


@dataclass(frozen=True)
class Error(ReportedObjective):
    """Share of validation samples that are classified wrongly, in [0, 1]; lower is better."""

    metric = "error"


@dataclass(frozen=True)
class Loss(ReportedObjective):
    """Mean cross-entropy over the validation samples, in nats; lower is better."""

    metric = "loss"
    unit = "nats"


@dataclass(frozen=True)
class TrainSeconds(ReportedObjective):
    """Wall time of training, in seconds; lower is better. It depends on the worker's machine."""

    metric = "train_seconds"
    unit = "s"


@dataclass(frozen=True)
class Reported(ReportedObjective):
    """Any metric that the evaluator reports, by its name.

    Args:
        metric: such as ``gradsign``, where the evaluator is ``zero_cost``.
        direction: ``minimize`` or ``maximize``.
        unit: for people.
    """

    metric: str
    direction: Direction = "minimize"
    unit: str = ""

    def __post_init__(self) -> None:
        checks.one_of("direction", self.direction, get_args(Direction))
