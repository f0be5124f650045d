"""Trainings whose best learning rate falls as they go on, and whose state is one number."""

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import nas


@dataclass(frozen=True)
class Pots(nas.Space):
    """What grows in them differs in one thing that no training changes."""

    count: int = 3
    input_shape: tuple[int, ...] = (4,)
    classes: int = 2

    @property
    def decisions(self):
        return [nas.Integer("depth", 0, self.count - 1)]

    def build(self, architecture):
        import torch

        return torch.nn.Linear(self.input_shape[0], self.classes)


@dataclass(frozen=True, kw_only=True)
class Grower(nas.Evaluator):
    """Adds to ``weight`` at each step, the more the nearer ``rate`` is to what suits the step.

    ``log`` gets a line for every step done: seed and step. The process dies once after
    ``dies_after`` lines. Rates above ``burns`` fail at step 4. Where ``forgets``, no snapshot is
    kept; where ``silent``, no weight is reported.
    """

    metrics = ("error", "weight")
    needs_data = False

    rate: float = 0.1
    mode: str = "calm"
    steps: int = 12
    every: int = 1
    seconds: float = 0.0
    log: str = ""
    dies_after: int = 0
    burns: float = math.inf
    forgets: bool = False
    silent: bool = False

    @property
    def budget(self):
        return self.steps

    @property
    def pausable(self):
        return True

    def gain(self, step):
        suits = -1 - 3 * step / self.steps
        return 1 - abs(math.log10(self.rate) - suits) + 0.1 * (self.mode == "keen")

    def evaluate(self, task, report):
        found = task.checkpoint.load() if task.checkpoint else None
        first, weight = (found.values["step"], found.values["weight"]) if found else (0, 0.0)
        for step in range(first + 1, self.steps + 1):
            time.sleep(self.seconds)
            if step == 4 and self.rate > self.burns:
                raise nas.CandidateError("burnt")
            weight += self.gain(step) - 0.1 * task.architecture["depth"]
            self._note(task.seed, step)
            if step % self.every == 0 or step == self.steps:
                snapshot = nas.Snapshot({}, {"step": step, "weight": weight})
                known = {"error": math.exp(-weight / 4), "weight": weight}
                if self.silent:
                    del known["weight"]
                report(step, known, None if self.forgets else lambda found=snapshot: found)
        return nas.Evaluation({"error": math.exp(-weight / 4), "weight": weight})

    def _note(self, seed, step):
        if not self.log:
            return
        path, mark = Path(self.log), Path(f"{self.log}.died")
        with path.open("a") as file:
            file.write(f"{seed} {step}\n")
        done = len(path.read_text().splitlines())
        if 0 < self.dies_after <= done and not mark.exists():
            mark.touch()
            os._exit(3)


class Error(nas.ReportedObjective):
    metric = "error"


class Weight(nas.ReportedObjective):
    metric = "weight"
    direction = "maximize"


class Depth(nas.AnalyticObjective):
    metric = "depth"

    def estimate(self, space, architecture):
        return float(architecture["depth"])


@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("pots", Pots, "one number")]


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("grower", Grower, "grows at a rate")]


@nas.hookimpl
def nas_objectives():
    return [
        nas.Component("error", Error, "falls as the weight grows"),
        nas.Component("weight", Weight, "grows"),
        nas.Component("depth", Depth, "known beforehand"),
    ]
