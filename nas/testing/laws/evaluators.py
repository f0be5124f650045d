"""Laws of evaluators."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import nas
from nas.abstract.dataset import fingerprint
from nas.errors import ConformanceError
from nas.testing.fakes import Dense, Images, samples
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.subject import Subject

if TYPE_CHECKING:
    from torch import nn

SPACES_OF_OTHERS = 8
"""Architectures of a space that are tried until one can be evaluated."""
_CLOCK = "seconds"
"""Metrics whose name ends so are times, which no seed decides."""


class CancelledError(BaseException):
    """What a report raises to end an evaluation; no evaluator may catch it."""


@dataclass
class Curve:
    """Takes a learning curve; cancels at a step if it is told to."""

    cancel: bool = False
    points: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    def __call__(
        self,
        step: int,
        metrics: Mapping[str, float],
        snapshot: Callable[[], nas.Snapshot] | None = None,
    ) -> None:
        """Keep a point."""
        self.points.append((step, dict(metrics)))
        if self.cancel:
            raise CancelledError


def _task(evaluator: nas.Evaluator, space: nas.Space, member: nas.Architecture) -> nas.Task:
    data = samples(tuple(space.input_shape), space.classes)
    return nas.Task(space, member, data, evaluator.budget, seed=1, used=evaluator.used)


def _spaces(subject: Subject) -> Iterator[nas.Space]:
    from nas.testing.subject import subjects

    yield from (Dense(), Images())
    for one in subjects(subject.plugins):
        with suppress(nas.NASError):  # what is wrong with others is said where they are checked
            if one.kind == "space":
                yield one.build()
            elif one.kind == "table":
                named = one.build()["space"]
                table = {"name": named} if isinstance(named, str) else dict(named)
                yield subject.plugins.build("space", table.pop("name"), **table)


def _members(evaluator: nas.Evaluator, space: nas.Space) -> Iterator[nas.Architecture]:
    known = evaluator.known(space)
    if known:
        yield from list(known)[:SPACES_OF_OTHERS]
        return
    draws = random.Random(0)
    for _ in range(SPACES_OF_OTHERS if known is not None else 1):
        yield space.sample(draws)


@cache
def _working(subject: Subject) -> nas.Task:
    """Return a task that it can do, on this suite's spaces or those that are installed."""
    said = ""
    for space in _spaces(subject):
        evaluator: nas.Evaluator = subject.build()
        try:
            evaluator.check(space)
            for member in _members(evaluator, space):
                task = _task(evaluator, space, member)
                evaluator.evaluate(task, Curve())
                return task
        except Exception as error:  # noqa: BLE001 - a component can raise anything
            said = said or f"{type(error).__name__}: {error}"
    what = "it could evaluate no network of this suite or of an installed space"
    raise ConformanceError(f"{what}: {said}")


def _evaluated(
    subject: Subject, task: nas.Task | None = None, **changes: Any
) -> tuple[nas.Evaluator, nas.Evaluation, Curve]:
    evaluator: nas.Evaluator = subject.build()
    curve = Curve()
    task = replace(task or _task_of(subject), used=evaluator.used, **changes)
    return evaluator, evaluator.evaluate(task, curve), curve


def _task_of(subject: Subject) -> nas.Task:
    try:
        return _working(subject)
    except ConformanceError as error:
        raise Inapplicable(str(error)) from error


@law("evaluator")
def evaluates_something(subject: Subject) -> str:
    """There is a space, of this suite or installed, of which it can evaluate a network.

    Dense networks on tables, convolutions on images of 8 x 8 pixels, and every installed space
    and table are tried. Raise `ConfigError` in `check` for spaces that you cannot do.
    """
    return f"on {type(_working(subject).space).__name__}"


@law("evaluator")
def reports_its_metrics(subject: Subject) -> None:
    """It returns finite numbers for the metrics that it names, and no others.

    What is not finite is raised as `NonFiniteError`, or told in `failures`.
    """
    evaluator, found, curve = _evaluated(subject)
    for metrics in (found.metrics, *(metrics for _, metrics in curve.points)):
        unknown = sorted(set(metrics) - set(evaluator.metrics))
        require(not unknown, f"{unknown} are not among its metrics {evaluator.metrics}")
        wrong = {name: v for name, v in metrics.items() if not math.isfinite(v)}
        require(not wrong, f"{wrong} are not finite; a failure is raised")
    missing = set(evaluator.metrics) - set(found.metrics) - set(found.failures)
    require(not missing, f"nothing is said of {sorted(missing)}")


@law("evaluator")
def keeps_to_the_budget(subject: Subject) -> None:
    """It spends the budget that the task says, and reports no step beyond it.

    Schedulers and strategies give trials less than the full budget, and compare what was spent.
    """
    evaluator = subject.build()
    if evaluator.budget is None:
        raise Inapplicable("it knows no budgets")
    require(evaluator.budget >= 1, f"the full budget is {evaluator.budget}")
    for budget in sorted({1, evaluator.budget}):
        _, _, curve = _evaluated(subject, budget=budget)
        last = max((step for step, _ in curve.points), default=budget)
        require(last <= budget, f"with a budget of {budget} it reported step {last}")
        require(last == budget, f"with a budget of {budget} its last report was step {last}")


@law("evaluator")
def steps_increase(subject: Subject) -> None:
    """The steps of its learning curve are whole numbers above 0, each larger than the last."""
    _, _, curve = _evaluated(subject)
    steps = [step for step, _ in curve.points]
    if not steps:
        raise Inapplicable("it reports no learning curve")
    right = all(isinstance(s, int) and s > 0 for s in steps) and steps == sorted(set(steps))
    require(right, f"the steps are {steps}")


@law("evaluator")
def can_be_cancelled(subject: Subject) -> None:
    """What a report raises to end the evaluation is not caught.

    It is a `BaseException`: catch `Exception` if you must, and clean up in `finally`.
    """
    evaluator: nas.Evaluator = subject.build()
    curve = Curve(cancel=True)
    try:
        evaluator.evaluate(replace(_task_of(subject), used=evaluator.used), curve)
    except CancelledError:
        require(len(curve.points) == 1, f"it reported {len(curve.points)} times")
        return
    if not curve.points:
        raise Inapplicable("it reports no learning curve")
    broken("it went on after the report had ended it")


@law("evaluator")
def failures_are_raised(subject: Subject) -> None:
    """A network that cannot be built, or fails when it is run, is an error and not a number.

    A number such as -1e8 becomes somebody's best or worst result; an error is archived as what
    it is.
    """
    for how in ("build", "forward"):
        task = _task_of(subject)
        space = _Failing(task.space, how)
        try:
            _, found, _ = _evaluated(subject, replace(task, space=space))
        except Exception:  # noqa: BLE001 - this is what is promised
            continue
        reached = space.reached and not found.failures
        require(not reached, f"a network that raised in {how} has {dict(found.metrics)}")


class _Failing(nas.Space):
    """Another space, whose networks raise."""

    def __init__(self, inner: nas.Space, how: str) -> None:
        self.input_shape, self.classes = inner.input_shape, inner.classes
        self.inner, self.how, self.reached = inner, how, False

    @property
    def decisions(self) -> Any:
        return self.inner.decisions

    def build(self, architecture: nas.Architecture) -> nn.Module:
        self.reached |= self.how == "build"
        if self.how == "build":
            raise ZeroDivisionError("on purpose, in build")
        network = self.inner.build(architecture)
        network.register_forward_pre_hook(self._fail)
        return network

    def _fail(self, *_: Any) -> None:
        self.reached = True
        raise ZeroDivisionError("on purpose, in forward")


@law("evaluator")
def the_seed_decides(subject: Subject) -> None:
    """The same task gives the same metrics and learning curve, but for times.

    `task.seed` seeds everything. Metrics whose names end in `seconds` are times and not
    compared.
    """

    def seen() -> list[dict[str, float]]:
        _, found, curve = _evaluated(subject)
        every = (found.metrics, *(metrics for _, metrics in curve.points))
        return [{k: v for k, v in m.items() if not k.endswith(_CLOCK)} for m in every]

    first, again = seen(), seen()
    require(first == again, f"the same task gave {first[0]} first, and {again[0]} then")


@law("evaluator")
def leaves_the_data(subject: Subject) -> None:
    """Training and validation samples are not changed.

    All trials of a worker share the arrays.
    """
    data = _task_of(subject).data
    assert data is not None
    before = fingerprint([data.train, data.validation])
    _evaluated(subject)
    same = fingerprint([data.train, data.validation]) == before
    require(same, "it changed samples that other trials are evaluated on")
