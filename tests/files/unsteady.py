"""Metrics that follow from what a file says, however often the same trial is run."""

import os
from dataclasses import dataclass
from pathlib import Path

import nas


@dataclass(frozen=True, kw_only=True)
class Unsteady(nas.Evaluator):
    """Reports what a file says: a number, ``raise TEXT`` or ``nan``."""

    metrics = ("total",)
    needs_data = False
    budget = 3

    path: str

    def evaluate(self, task, report):
        for step in range(1, 4):
            report(step, {"total": float(step) + (self._said() if step > 1 else 0.0)})
        return nas.Evaluation({"total": self._said()})

    def _said(self):
        text = Path(self.path).read_text()
        if text.startswith("raise "):
            raise RuntimeError(text.removeprefix("raise "))
        return float(text)


class Length(nas.MeasuredObjective):
    """Measured to be what the environment says."""

    metric, unit = "length", "m"

    def measure(self, network, input_shape, threads):
        return nas.Measurement(float(os.environ["LENGTH"]), 0.5, {"ruler": "long"})


class Picky(nas.AnalyticObjective):
    """Cannot be estimated where the first digit is 0."""

    metric = "picky"

    def estimate(self, space, architecture):
        if architecture["d0"] == 0:
            raise nas.NotApplicableError("no estimate for this one")
        return 1.0


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("unsteady", Unsteady, "as a file says")]


@nas.hookimpl
def nas_objectives():
    return [
        nas.Component("length", Length, "as the environment says"),
        nas.Component("picky", Picky, "not of all"),
    ]
