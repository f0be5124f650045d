"""A plugin file: an evaluator that takes as long as training does where networks differ much."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import ClassVar

import nas


@dataclass(frozen=True, kw_only=True)
class Uneven(nas.Evaluator):
    """Sleeps for a log-normally distributed time that follows from the trial's seed.

    Args:
        median: seconds.
        sigma: of the logarithm; with 1, a trial in twenty takes more than five times the median.
    """

    median: float = 0.2
    sigma: float = 1.0
    metrics: ClassVar[tuple[str, ...]] = ("loss",)
    needs_data: ClassVar[bool] = False

    def evaluate(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
        """Sleep."""
        draw = random.Random(task.seed)
        time.sleep(self.median * draw.lognormvariate(0, self.sigma))
        return nas.Evaluation({"loss": draw.random()})


@nas.hookimpl
def nas_evaluators() -> list[nas.Component]:
    """Offer it."""
    return [nas.Component("uneven", Uneven, summary="Sleeps.")]
