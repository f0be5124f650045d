"""A plugin file: an evaluator that does nothing, to see what everything around it costs."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import nas


@dataclass(frozen=True, kw_only=True)
class Noop(nas.Evaluator):
    """Returns a number drawn from the trial's seed."""

    metrics: ClassVar[tuple[str, ...]] = ("first",)
    needs_data: ClassVar[bool] = False

    def evaluate(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
        """Draw."""
        draw = random.Random(task.seed)
        return nas.Evaluation({name: draw.random() for name in self.metrics})


class First(nas.ReportedObjective):
    """What it draws."""

    metric = "first"


@nas.hookimpl
def nas_evaluators() -> Iterable[nas.Component]:
    """The evaluator."""
    return [nas.Component("noop", Noop, "one number")]


@nas.hookimpl
def nas_objectives() -> Iterable[nas.Component]:
    """Its metric."""
    return [nas.Component("first", First, "a number")]
