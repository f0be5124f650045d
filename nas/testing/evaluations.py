"""Evaluations for the laws of evaluators: on what, and what comes out."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import nas
from nas.errors import ConformanceError
from nas.plugins import Plugins
from nas.testing.fakes import Dense, Images, samples
from nas.testing.law import Inapplicable, require
from nas.testing.subject import Subject

SPACES_OF_OTHERS = 8
"""Architectures of a space that are tried until one can be evaluated."""
CLOCK = "seconds"
"""Metrics whose name ends so are times, which no seed decides."""
OURS: Mapping[str, Callable[[], nas.Space]] = {"this suite's Dense": Dense, "its Images": Images}


class CancelledError(BaseException):
    """What a report raises to end an evaluation; no evaluator may catch it."""


class Kept(nas.Checkpoint):
    """Keeps a snapshot as the engine does: tensors on the CPU, and JSON."""

    def __init__(self) -> None:
        self.snapshot: nas.Snapshot | None = None

    def load(self) -> nas.Snapshot | None:
        """Return the last one."""
        return self.snapshot

    def save(self, snapshot: nas.Snapshot) -> None:
        """Keep a copy."""
        tensors = {name: t.detach().cpu().clone() for name, t in snapshot.tensors.items()}
        values = json.loads(json.dumps(dict(snapshot.values), allow_nan=False))
        self.snapshot = nas.Snapshot(tensors, values)


@dataclass
class Curve:
    """Takes a learning curve, and ends the evaluation where it is told to.

    Args:
        ends_at: the first report at or after this step raises; None for none.
        checkpoint: takes the snapshot that comes with that report, if it is to be kept.
    """

    ends_at: int | None = None
    checkpoint: nas.Checkpoint | None = None
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def __call__(
        self,
        step: int,
        metrics: Mapping[str, float],
        snapshot: Callable[[], nas.Snapshot] | None = None,
    ) -> None:
        """Keep a point."""
        self.points.append((step, dict(metrics)))
        if self.ends_at is None or step < self.ends_at:
            return
        if self.checkpoint is not None:
            require(snapshot, f"no snapshot came with the report of step {step}")
            assert snapshot is not None
            self.checkpoint.save(snapshot())
        raise CancelledError


@dataclass(frozen=True)
class Place:
    """A space by its name, as another process builds it again.

    Args:
        name: a component's, or a key of ``OURS``.
        parameters: of the component.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def build(self, plugins: Plugins) -> nas.Space:
        """Build it."""
        if self.name in OURS:
            return OURS[self.name]()
        built: nas.Space = plugins.build("space", self.name, **self.parameters)
        return built


def places(subject: Subject) -> Iterator[Place]:
    """Yield this suite's spaces, then those that are installed."""
    from nas.testing.subject import subjects

    yield from map(Place, OURS)
    for one in subjects(subject.plugins):
        with suppress(nas.NASError):  # what is wrong with others is said where they are checked
            if one.kind == "space":
                yield Place(one.registered.full_name, one.parameters)
            elif one.kind == "table":
                named = one.build()["space"]
                table = {"name": named} if isinstance(named, str) else dict(named)
                yield Place(table.pop("name"), table)


def _members(evaluator: nas.Evaluator, space: nas.Space) -> Iterator[nas.Architecture]:
    known = evaluator.known(space)
    if known:
        yield from list(known)[:SPACES_OF_OTHERS]
        return
    draws = random.Random(0)
    for _ in range(SPACES_OF_OTHERS if known is not None else 1):
        yield space.sample(draws)


def task_for(evaluator: nas.Evaluator, space: nas.Space, member: nas.Architecture) -> nas.Task:
    """Return a full evaluation of an architecture."""
    data = samples(tuple(space.input_shape), space.classes)
    return nas.Task(space, member, data, evaluator.budget, seed=1, used=evaluator.used)


@cache
def working(subject: Subject) -> tuple[Place, nas.Task]:
    """Return a task that it can do, on this suite's spaces or those that are installed."""
    said = ""
    for place in places(subject):
        evaluator: nas.Evaluator = subject.build()
        try:
            space = place.build(subject.plugins)
            evaluator.check(space)
            for member in _members(evaluator, space):
                task = task_for(evaluator, space, member)
                evaluator.evaluate(task, Curve())
                return place, task
        except Exception as error:  # noqa: BLE001 - a component can raise anything
            said = said or f"{type(error).__name__}: {error}"
    what = "it could evaluate no network of this suite or of an installed space"
    raise ConformanceError(f"{what}: {said}")


def done_on(subject: Subject) -> tuple[Place, nas.Task]:
    """Return ``working``; that there is none breaks another law."""
    try:
        return working(subject)
    except ConformanceError as error:
        raise Inapplicable(str(error)) from error


def evaluated(
    subject: Subject, task: nas.Task | None = None, curve: Curve | None = None, **changes: Any
) -> tuple[nas.Evaluator, nas.Evaluation, Curve]:
    """Evaluate something with a new evaluator; ``changes`` are of the task."""
    evaluator: nas.Evaluator = subject.build()
    curve = curve or Curve()
    task = replace(task or done_on(subject)[1], used=evaluator.used, **changes)
    return evaluator, evaluator.evaluate(task, curve), curve


def untimed(metrics: Mapping[str, float]) -> dict[str, float]:
    """Return metrics without times."""
    return {name: value for name, value in metrics.items() if not name.endswith(CLOCK)}
