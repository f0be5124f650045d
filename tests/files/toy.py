"""A whole search in one plugin file, without any built-in: used by many tests, also on Ray."""

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import nas


@dataclass(frozen=True)
class Digits(nas.Space):
    """Numbers written with ``length`` digits of ``base``; every two writings are two networks."""

    length: int = 3
    base: int = 5
    input_shape: tuple[int, ...] = (4,)
    classes: int = 2

    @property
    def decisions(self):
        return [nas.Integer(f"d{i}", 0, self.base - 1) for i in range(self.length)]

    def build(self, architecture):
        import torch

        return torch.nn.Linear(self.input_shape[0], self.classes)


@dataclass(frozen=True, kw_only=True)
class Tally(nas.Evaluator):
    """Adds the digits up; misbehaves on demand when the first digit is ``on``.

    With a folder of ``turns``, each trial first takes a file from it, or waits for one.
    """

    on: int = -1
    mode: str = "none"
    seconds: float = 0.0
    jitter: float = 0.0
    turns: str = ""

    metrics = ("total", "spread")
    needs_data = False

    def evaluate(self, task, report):
        if self.turns:
            take_turn(Path(self.turns))
        digits = [int(value) for value in task.architecture.values()]
        if digits[0] == self.on:
            misbehave(self.mode)
        for step in range(1, 4):
            report(step, {"total": float(sum(digits)) / step})
        time.sleep(self.seconds + self.jitter * random.SystemRandom().random())
        return nas.Evaluation(
            {"total": float(sum(digits)), "spread": float(max(digits) - min(digits))}
        )


def take_turn(folder):
    while not (turn := next(folder.iterdir(), None)):
        time.sleep(0.01)
    turn.unlink()


def misbehave(mode):
    if mode == "raise":
        raise RuntimeError("this candidate cannot be trained")
    if mode == "nan":
        raise nas.NonFiniteError("loss is nan")
    if mode == "exit":
        os._exit(3)
    if mode == "sys_exit":
        raise SystemExit("leaving")
    if mode == "sleep":
        time.sleep(600)


class Total(nas.ReportedObjective):
    metric = "total"


class Spread(nas.ReportedObjective):
    metric = "spread"
    direction = "maximize"


class First(nas.AnalyticObjective):
    """The first digit, known beforehand."""

    metric = "first"
    unit = "steps"

    def estimate(self, space, architecture):
        return float(architecture["d0"])


class Lean(nas.Proxy):
    """Prefers networks whose weights happen to be small at the start."""

    needs_data = False

    def compute(self, network, inputs, targets):
        return -float(sum(p.detach().abs().sum() for p in network.parameters()))


class Listed(nas.Strategy):
    """Goes through the space in order; remembers what it was told."""

    def start(self, problem):
        self._left = problem.space.architectures()
        self._last = None
        self.told = []

    def ask(self, rng):
        self._last = next(self._left, self._last)
        return nas.Proposal(self._last)

    def tell(self, trial):
        self.told.append(trial.number)


class Climb(nas.Strategy):
    """Mutates the best so far: what it proposes depends on all that it was told."""

    def start(self, problem):
        self._space, self._best = problem.space, None

    def ask(self, rng):
        if self._best is None:
            return nas.Proposal(self._space.sample(rng))
        return nas.Proposal(self._space.mutate(self._best.architecture, rng), (self._best.number,))

    def tell(self, trial):
        if trial.feasible and (self._best is None or trial.losses[0] <= self._best.losses[0]):
            self._best = trial


@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("toy", Digits, "numbers")]


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("tally", Tally, "adds digits up")]


@nas.hookimpl
def nas_objectives():
    return [
        nas.Component("total", Total, "sum of the digits"),
        nas.Component("spread", Spread, "largest less smallest digit"),
        nas.Component("first", First, "the first digit"),
    ]


@nas.hookimpl
def nas_proxies():
    return [nas.Component("lean", Lean, "small weights")]


@nas.hookimpl
def nas_strategies():
    return [
        nas.Component("listed", Listed, "in order"),
        nas.Component("climb", Climb, "mutates the best"),
    ]
