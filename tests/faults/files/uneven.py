"""An evaluator that is quick but for a few architectures."""

import time
from dataclasses import dataclass

import nas


@dataclass(frozen=True, kw_only=True)
class Uneven(nas.Evaluator):
    slow: tuple[int, ...] = ()
    seconds: float = 4.0

    metrics = ("total", "spread")
    needs_data = False

    def evaluate(self, task, report):
        digits = [int(value) for value in task.architecture.values()]
        if int("".join(map(str, digits)), 5) in self.slow:
            time.sleep(self.seconds)
        return nas.Evaluation({"total": float(sum(digits)), "spread": 0.0})


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("uneven", Uneven, "quick, but for a few")]
