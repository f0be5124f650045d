"""A plugin file: recorded learning curves, looked up by their number, and noted in order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

import numpy as np

import nas


@dataclass(frozen=True)
class Settings(nas.Space):
    """Numbers without structure: what there is to know of a setting is its curve."""

    count: int = 1000
    input_shape: tuple[int, ...] = (1,)
    classes: int = 2

    @property
    def decisions(self) -> list[nas.Integer]:
        """One."""
        return [nas.Integer("setting", 0, self.count - 1)]

    def build(self, architecture: nas.Architecture) -> object:
        """Nothing is built."""
        raise nas.CandidateError("a recorded curve has no network")


@dataclass(frozen=True, kw_only=True)
class Recorded(nas.Evaluator):
    """Reports a row of an array of curves; a value that is not finite is a failure.

    Args:
        path: ``.npz``.
        key: of the array ``(settings, 1 + epochs)``; the first value is that before training.
        log: file that gets every value in the order in which they are looked up.
    """

    metrics: ClassVar[tuple[str, ...]] = ("recorded",)
    needs_data: ClassVar[bool] = False

    path: str
    key: str
    log: str

    @property
    def budget(self) -> int:
        """All epochs."""
        return _curves(self.path, self.key).shape[1] - 1

    @property
    def pausable(self) -> bool:
        """A curve can be read on."""
        return True

    def evaluate(self, task: nas.Task, report: nas.Report) -> nas.Evaluation:
        """Read the curve from where it paused."""
        curve = _curves(self.path, self.key)[int(task.architecture["setting"])]
        found = task.checkpoint.load() if task.checkpoint else None
        value = float("nan")
        for step in range(1 + (int(found.values["done"]) if found else 0), len(curve)):
            value = float(curve[step])
            with Path(self.log).open("a") as file:
                file.write(f"{value}\n")
            if not np.isfinite(value):
                raise nas.NonFiniteError(f"diverged in epoch {step}")
            report(step, {"recorded": value}, lambda done=step: nas.Snapshot({}, {"done": done}))
        return nas.Evaluation({"recorded": value})


@cache
def _curves(path: str, key: str) -> np.ndarray:
    with np.load(path) as file:
        return file[key].astype(np.float64)


class Value(nas.ReportedObjective):
    """What was recorded."""

    metric = "recorded"


@nas.hookimpl
def nas_search_spaces() -> Iterable[nas.Component]:
    """The space."""
    return [nas.Component("settings", Settings, "numbers")]


@nas.hookimpl
def nas_evaluators() -> Iterable[nas.Component]:
    """The evaluator."""
    return [nas.Component("recorded", Recorded, "a curve from a file")]


@nas.hookimpl
def nas_objectives() -> Iterable[nas.Component]:
    """Its metric."""
    return [nas.Component("value", Value, "what was recorded")]
