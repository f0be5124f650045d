"""An evaluator that draws three numbers from the trial's seed."""

import random
from dataclasses import dataclass

import nas

NAMES = ("first", "second", "third")


@dataclass(frozen=True, kw_only=True)
class Noop(nas.Evaluator):
    metrics = NAMES
    needs_data = False

    def evaluate(self, task, report):
        draw = random.Random(task.seed)
        return nas.Evaluation({name: draw.random() for name in NAMES})


def objective(name):
    kind = type(name.title(), (nas.ReportedObjective,), {"metric": name})
    return nas.Component(name, kind, "a number")


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("noop3", Noop, "three numbers")]


@nas.hookimpl
def nas_objectives():
    return [objective(name) for name in NAMES]
