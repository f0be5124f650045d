"""Learning curves that cost nothing, and small schedulers, in one plugin file."""

import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nas


@dataclass(frozen=True)
class Lanes(nas.Space):
    """Two numbers: how good a racer gets, and how soon."""

    count: int = 12
    input_shape: tuple[int, ...] = (4,)
    classes: int = 2

    @property
    def decisions(self):
        return [nas.Integer("end", 0, self.count - 1), nas.Integer("pace", 1, 5)]

    def build(self, architecture):
        import torch

        return torch.nn.Linear(self.input_shape[0], self.classes)


@dataclass(frozen=True, kw_only=True)
class Racer(nas.Evaluator):
    """Reports an error that falls from 1 to ``end``; ``log`` gets a line for every step done.

    In a simulation a step takes a minute, with ``uneven`` a minute times the ``pace``.
    """

    metrics = ("error", "train_seconds")
    needs_data = False

    epochs: int = 9
    seconds: float = 0.0
    log: str = ""
    dies_at: int = 0
    fails_at: int = 0
    uneven: bool = False

    @property
    def budget(self):
        return self.epochs

    @property
    def pausable(self):
        return True

    def evaluate(self, task, report):
        end, pace = task.architecture["end"] / 20, task.architecture["pace"]
        snapshot = task.checkpoint.load() if task.checkpoint else None
        first = int(snapshot.values["done"]) if snapshot else 0
        error = 1.0
        for step in range(first + 1, self.epochs + 1):
            time.sleep(self.seconds)
            if self.log:
                with Path(self.log).open("a") as file:
                    file.write(f"{task.seed} {step}\n")
            if step == self.fails_at and task.architecture["pace"] == 3:
                raise nas.CandidateError("stumbled")
            error = end + (1 - end) * math.exp(-step * pace / 6)
            report(step, {"error": error}, lambda step=step: nas.Snapshot({}, {"done": step}))
            self._die(step, task)
        minutes = self.epochs * (pace if self.uneven else 1)
        return nas.Evaluation({"error": error, "train_seconds": minutes * 60.0})

    def _die(self, step, task):
        mark = Path(f"{self.log}.died")
        if step == self.dies_at and not mark.exists():
            mark.write_text(str(task.seed))
            os._exit(3)


@dataclass
class Cut(nas.Scheduler):
    """Stops who is worse than the median of those before, at each level."""

    at: Sequence[int] = (1, 3)

    def start(self, contest):
        self.contest = contest

    def levels(self):
        return self.at

    def judge(self, course, peers):
        losses = sorted(peers.at(course.step).losses[:, 0])
        mine = course.losses[-1, 0]
        if not losses or mine <= losses[len(losses) // 2]:
            return nas.Decision(nas.Verdict.CONTINUE, f"{mine:.3f} among {len(losses)}")
        return nas.Decision(nas.Verdict.STOP, f"{mine:.3f} among {len(losses)}")


class Shelve(Cut):
    """Pauses everyone at each level; promotes the best half of each level, the highest first."""

    @property
    def pauses(self):
        return True

    def judge(self, course, peers):
        return nas.Decision(nas.Verdict.PAUSE, f"reached {course.step}")

    def promote(self, peers):
        for level in reversed(self.at):
            there = peers.at(level)
            best = there.numbers[there.losses[:, 0].argsort(kind="stable")][
                : len(there.numbers) // 2
            ]
            for course in peers.courses:
                paused = course.standing is nas.Standing.PAUSED and course.step == level
                if paused and course.number in best:
                    return nas.Promotion(
                        course.number, f"among {len(best)} of {len(there.numbers)}"
                    )
        return None


class Error(nas.ReportedObjective):
    metric = "error"


class Pace(nas.AnalyticObjective):
    metric = "pace"
    direction = "maximize"

    def estimate(self, space, architecture):
        return float(architecture["pace"])


@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("lanes", Lanes, "two numbers")]


@nas.hookimpl
def nas_evaluators():
    return [nas.Component("racer", Racer, "a curve without training")]


@nas.hookimpl
def nas_schedulers():
    return [
        nas.Component("cut", Cut, "stops the worse half"),
        nas.Component("shelve", Shelve, "promotes the better half"),
    ]


@nas.hookimpl
def nas_objectives():
    return [nas.Component("error", Error, "error"), nas.Component("pace", Pace, "pace")]
