"""Objectives that the evaluator reports."""

from __future__ import annotations

from dataclasses import dataclass

from nas import ReportedObjective


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
