"""Evaluators that each break one law: the one that they are named after."""

from __future__ import annotations

import contextlib
import itertools
import sys
from dataclasses import dataclass

import torch

import nas

_CALLS = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Good(nas.Evaluator):
    """Looks at untrained networks three times; breaks nothing."""

    metrics = ("spread",)
    budget = 3

    def evaluate(self, task, report):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(task.seed)
            network = task.space.build(task.architecture)
            inputs = torch.from_numpy(task.data.train.inputs).float()
            spread = float(network.eval()(inputs).detach().std())
        for step in self.steps(task.budget):
            report(step, {"spread": spread / step})
        return self.result(spread / task.budget)

    def steps(self, budget):
        return range(1, budget + 1)

    def result(self, spread):
        return nas.Evaluation({"spread": spread})


class Helpless(Good):
    def evaluate(self, task, report):
        raise nas.CandidateError("too hard")


class Renamed(Good):
    def result(self, spread):
        return nas.Evaluation({"spread": spread, "depth": 1.0})


class Overspends(Good):
    def steps(self, budget):
        return range(1, 4)


class Returns(Good):
    def steps(self, budget):
        return [1, 3, 2, 3] if budget == 3 else super().steps(budget)


class Stubborn(Good):
    def evaluate(self, task, report):
        def stubborn(step, metrics):
            with contextlib.suppress(BaseException):
                report(step, metrics)

        return super().evaluate(task, stubborn)


class Consoles(Good):
    def evaluate(self, task, report):
        try:
            return super().evaluate(task, report)
        except ZeroDivisionError:
            return self.result(-1e8)


class Drifts(Good):
    def result(self, spread):
        return super().result(spread + next(_CALLS))


class Standardises(Good):
    def evaluate(self, task, report):
        found = super().evaluate(task, report)
        object.__setattr__(task.data.train, "inputs", task.data.train.inputs[::-1].copy())
        return found


class Amnesiac(Good):
    """Begins its sum anew after a pause."""

    pausable = True

    def evaluate(self, task, report):
        found = task.checkpoint.load() if task.checkpoint else None
        done = found.values["step"] if found else 0

        def told(step, metrics):
            if step > done:
                report(step, metrics, lambda: nas.Snapshot({}, {"step": step}))

        evaluation = super().evaluate(task, told)
        return self.result(evaluation.metrics["spread"] + done)


class Local(Good):
    """Looks at the command with which the process was started."""

    def result(self, spread):
        return super().result(spread + len(sys.argv[0]))


@nas.hookimpl
def nas_evaluators():
    broken = {
        "evaluates-something": Helpless,
        "reports-its-metrics": Renamed,
        "keeps-to-the-budget": Overspends,
        "steps-increase": Returns,
        "can-be-cancelled": Stubborn,
        "failures-are-raised": Consoles,
        "the-seed-decides": Drifts,
        "leaves-the-data": Standardises,
        "goes-on-where-it-paused": Amnesiac,
        "runs-on-a-ray-worker": Local,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]
