"""One evaluation of one architecture in one study."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nas.architecture import Architecture


class Status(StrEnum):
    """How a trial ended."""

    COMPLETE = "complete"
    FAILED = "failed"
    INFEASIBLE = "infeasible"
    """An analytic objective broke its bound: turned away before anything was trained."""
    STOPPED = "stopped"
    """A scheduler ended it before its full budget."""
    PAUSED = "paused"
    """A scheduler let it make room for others; it may go on."""
    CANCELLED = "cancelled"
    """Stopped by the user; it runs again when the study goes on."""


@dataclass(frozen=True)
class Failure:
    """Why a trial failed.

    Args:
        kind: ``error``, ``non-finite``, ``timeout``, ``memory``, ``crashed``, ``protocol`` (a
            measurement that cannot be compared with the study's others) or a plugin's own.
        message: one line.
        traceback: where it happened, if anywhere.
    """

    kind: str
    message: str
    traceback: str = ""


@dataclass(frozen=True)
class Measurement:
    """A measured metric: numbers of different protocols are never compared.

    Args:
        value: the median.
        spread: half the interquartile range, in the same unit.
        protocol: everything that the number depends on beside the network, plain JSON values.
    """

    value: float
    spread: float
    protocol: Mapping[str, str | int | float | bool]


@dataclass(frozen=True)
class CurvePoint:
    """What an evaluator reported after ``step`` units of its budget."""

    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Ruling:
    """What was decided on a trial, and why.

    Args:
        step: units of budget that it had spent.
        verdict: ``continue``, ``stop``, ``pause``, ``promote``; ``audit``: it was to stop, and
            went on to see what stopping loses; ``inherit``: another trial had spent the budget up
            to here.
        reason: in words, with the numbers that led to it.
    """

    step: int
    verdict: str
    reason: str


@dataclass(frozen=True)
class Trial:
    """What a strategy is told and an archive holds.

    Args:
        number: position in the study, from 0.
        architecture: what was evaluated.
        status: how it ended.
        losses: objective values in the study's order, lower is better; empty unless complete. What
            a strategy is told of a stopped trial are those expected at the full budget.
        violation: sum of relative bound violations; 0 is feasible.
        metrics: all metrics by name, in their own units and directions.
        seed: what training was seeded with.
        budget: spent, in the evaluator's unit (epochs), or None if it knows no budgets.
        seconds: wall time on the worker.
        parents: numbers of the trials that the architecture was made from.
        stems_from: trials of other studies that it was made from, by name of the study and number.
        failure: why, if it failed.
        id: row in the archive; 0 before it is archived.
        curve: as it was reported, where a strategy that ``pauses`` is told of it; else empty.
    """

    number: int
    architecture: Architecture
    status: Status
    losses: tuple[float, ...] = ()
    violation: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0
    budget: int | None = None
    seconds: float = 0.0
    parents: tuple[int, ...] = ()
    stems_from: tuple[tuple[str, int], ...] = ()
    failure: Failure | None = None
    id: int = 0
    curve: tuple[CurvePoint, ...] = ()

    def archived_as(self, row: int) -> Trial:
        """Return it with the id of its row."""
        archived = object.__new__(Trial)  # ``replace`` would set every field one by one
        vars(archived).update(vars(self), id=row)
        return archived

    @property
    def feasible(self) -> bool:
        """Complete, and within every bound."""
        return self.status is Status.COMPLETE and self.violation == 0.0
