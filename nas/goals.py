"""What a study asks for: its objectives, oriented, with their bounds. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Goal:
    """One objective of a study.

    Args:
        metric: the column of the archive.
        direction: which way is better.
        unit: of values and bounds.
        low: smallest feasible value, or None.
        high: largest feasible value, or None.
    """

    metric: str
    direction: Direction = "minimize"
    unit: str = ""
    low: float | None = None
    high: float | None = None

    def loss(self, value: float) -> float:
        """Return the value so that lower is better."""
        return value if self.direction == "minimize" else -value

    def violation(self, value: float) -> float:
        """Return by how much the value breaks the bound, relative to it; 0 if it does not."""
        if self.high is not None and value > self.high:
            return (value - self.high) / (abs(self.high) or 1.0)
        if self.low is not None and value < self.low:
            return (self.low - value) / (abs(self.low) or 1.0)
        return 0.0

    def bound(self) -> str:
        """Return the bound in words, such as ``params at most 2e+05``; empty if there is none."""
        parts = [f"at least {self.low:g}"] if self.low is not None else []
        parts += [f"at most {self.high:g}"] if self.high is not None else []
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.metric} {' and '.join(parts)}{unit}" if parts else ""


def losses(goals: Sequence[Goal], metrics: Mapping[str, float]) -> tuple[float, ...]:
    """Return the objective values in the goals' order, lower is better."""
    return tuple(goal.loss(metrics[goal.metric]) for goal in goals)


def violation(goals: Sequence[Goal], metrics: Mapping[str, float]) -> float:
    """Return the sum of all broken bounds among the metrics that are known; 0 is feasible."""
    return sum(goal.violation(metrics[goal.metric]) for goal in goals if goal.metric in metrics)
