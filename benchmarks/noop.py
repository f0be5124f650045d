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


@dataclass(frozen=True, kw_only=True)
class Noop3(Noop):
    """Returns three."""

    metrics: ClassVar[tuple[str, ...]] = ("first", "second", "third")


def objective(name: str) -> nas.Component:
    """Return the objective that asks for a metric."""
    kind = type(name.title(), (nas.ReportedObjective,), {"metric": name})
    return nas.Component(name, kind, "a number")


@nas.hookimpl
def nas_evaluators() -> Iterable[nas.Component]:
    """One metric or three."""
    return [
        nas.Component("noop", Noop, "nothing"),
        nas.Component("noop3", Noop3, "nothing, thrice"),
    ]


@nas.hookimpl
def nas_objectives() -> Iterable[nas.Component]:
    """What it draws."""
    return [objective(name) for name in Noop3.metrics]
