"""Laws of evaluators."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import nas
from nas.abstract.dataset import fingerprint
from nas.testing.evaluations import (
    CancelledError,
    Curve,
    Kept,
    done_on,
    evaluated,
    untimed,
    working,
)
from nas.testing.law import Inapplicable, broken, law, require
from nas.testing.subject import Subject

if TYPE_CHECKING:
    from torch import nn


@law("evaluator")
def evaluates_something(subject: Subject) -> str:
    """There is a space, of this suite or installed, of which it can evaluate a network.

    Dense networks on tables, convolutions on images of 8 x 8 pixels, and every installed space
    and table are tried. Raise `ConfigError` in `check` for spaces that you cannot do.
    """
    return f"on {type(working(subject)[1].space).__name__}"


@law("evaluator")
def reports_its_metrics(subject: Subject) -> None:
    """It returns finite numbers for the metrics that it names, and no others.

    What is not finite is raised as `NonFiniteError`, or told in `failures`.
    """
    evaluator, found, curve = evaluated(subject)
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
        _, _, curve = evaluated(subject, budget=budget)
        last = max((step for step, _ in curve.points), default=budget)
        require(last <= budget, f"with a budget of {budget} it reported step {last}")
        require(last == budget, f"with a budget of {budget} its last report was step {last}")


@law("evaluator")
def steps_increase(subject: Subject) -> None:
    """The steps of its learning curve are whole numbers above 0, each larger than the last."""
    _, _, curve = evaluated(subject)
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
    curve = Curve(ends_at=1)
    try:
        evaluator.evaluate(replace(done_on(subject)[1], used=evaluator.used), curve)
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
        task = done_on(subject)[1]
        space = _Failing(task.space, how)
        try:
            _, found, _ = evaluated(subject, replace(task, space=space))
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
        _, found, curve = evaluated(subject)
        return [untimed(m) for m in (found.metrics, *(metrics for _, metrics in curve.points))]

    first, again = seen(), seen()
    require(first == again, f"the same task gave {first[0]} first, and {again[0]} then")


@law("evaluator")
def leaves_the_data(subject: Subject) -> None:
    """Training and validation samples are not changed.

    All trials of a worker share the arrays.
    """
    data = done_on(subject)[1].data
    assert data is not None
    before = fingerprint([data.train, data.validation])
    evaluated(subject)
    same = fingerprint([data.train, data.validation]) == before
    require(same, "it changed samples that other trials are evaluated on")


@law("evaluator")
def goes_on_where_it_paused(subject: Subject) -> None:
    """One that is pausable goes on from its snapshot to what it would have been without a pause.

    The snapshot holds what training goes on from: weights, optimizer, the states of all random
    generators, as tensors and plain JSON values. What was reported is not reported again.
    """
    evaluator: nas.Evaluator = subject.build()
    if not evaluator.pausable:
        raise Inapplicable("it is not pausable")
    _, whole, curve = evaluated(subject)
    steps = [step for step, _ in curve.points]
    if len(steps) < 2:
        raise Inapplicable("it reports once only, with the parameters of its example")
    kept = Kept()
    with suppress(CancelledError):
        evaluated(subject, curve=Curve(steps[0], kept), checkpoint=kept)
    require(kept.snapshot, f"it went on although it was paused at step {steps[0]}")
    _, found, rest = evaluated(subject, checkpoint=kept)
    later = [step for step, _ in rest.points]
    require(later == steps[1:], f"paused after step {steps[0]} of {steps}, it reported {later}")
    same = untimed(found.metrics) == untimed(whole.metrics)
    require(same, f"with a pause it gave {dict(found.metrics)}, without {dict(whole.metrics)}")


@law("evaluator")
def runs_on_a_ray_worker(subject: Subject) -> None:
    """Built again in the process of a Ray worker, it gives there what it gives here.

    A local Ray is started for this, once, which takes seconds. A worker has names and
    parameters: what else is in this process (arguments, globals, files in its folder) is not
    there.
    """
    from nas.testing.on_ray import evaluated_on_ray

    place, task = done_on(subject)
    here, again = (untimed(evaluated(subject)[1].metrics) for _ in range(2))
    if here != again:
        raise Inapplicable("other metrics each time: those of a worker cannot be compared")
    there = untimed(evaluated_on_ray(subject, place, task))
    require(there == here, f"on a worker it gave {there}, in this process {here}")
