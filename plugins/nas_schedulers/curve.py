"""Predictive early stopping: end a trial that has too small a chance to pay for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.scheduler import (
    Contest,
    Course,
    Decision,
    Peers,
    Scheduler,
    Standing,
    Verdict,
    geometric_levels,
)
from nas.abstract.use import Use
from nas_schedulers.curve_field import Field, fields
from nas_schedulers.curve_lines import MOST_STEPS, Grid, Lines
from nas_schedulers.curve_odds import Odds, ahead, joining
from nas_schedulers.curve_price import price
from nas_schedulers.plateau import every_step
from nas_schedulers.started import started

Floats = NDArray[np.float64]

_SPACING = 1.1
"""From one decision to the next, once that is more than one step."""
_ENDED = (Standing.STOPPED, Standing.COMPLETE, Standing.FAILED)


class _Plan(NamedTuple):
    contest: Contest
    levels: tuple[int, ...]
    lines: Lines


@dataclass(eq=False, kw_only=True)
class CurveStopping(Scheduler):
    """Stops a trial whose chance to reach the best, and to pay for it, has become too small.

    The predictive early stopping of S. Adriaensen et al., "Efficient Bayesian Learning Curve
    Extrapolation using Prior-Data Fitted Networks", NeurIPS 2023, arXiv:2310.20447, with three
    additions:

    - what other trials of the study gained from the same step on is joined with the prediction;
    - the best has to be beaten by what new trials would gain in the epochs that are left;
    - a trial that leads is finished, as long as that takes no more than a share of all epochs.

    Of other trials it knows what had become of them when the trial began: then nothing waits.

    With several objectives it is the chance to join the front: in those that do not change while
    trials train, such as a number of parameters, rivals must be no worse.

    Args:
        predictor: ``curve_predictor`` by name, or a table with its name and parameters.
        threshold: a trial with a smaller chance stops.
        grace: units of budget that every trial has.
        price: how much of what new trials would gain a trial has to gain; 0 is the paper's rule.
        trust: how many other trials the prediction counts as.
        leaders: share of all epochs up to which leading trials are finished whatever their chance;
            1 finishes each of them.
        low: smallest value that the metric can have; None if unknown.
        high: largest value that the metric can have; None if unknown.
    """

    predictor: Any = "curve_bank"
    threshold: float = 0.05
    grace: int = 1
    price: float = 1.0
    trust: float = 1.0
    leaders: float = 1 / 3
    low: float | None = None
    high: float | None = None
    _plan: _Plan | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        Use.read("curve_predictor", self.predictor)
        checks.probability("threshold", self.threshold)
        checks.whole("grace", self.grace, 1)
        checks.number("price", self.price)
        checks.number("trust", self.trust, positive=True)
        checks.probability("leaders", self.leaders)
        if self.low is not None and self.high is not None and not self.low < self.high:
            raise ValueError(f"low must be below high, not {self.low!r} and {self.high!r}")

    @property
    def uses(self) -> Sequence[Use]:
        """The predictor."""
        return (Use.read("curve_predictor", self.predictor),)

    def start(self, contest: Contest) -> None:
        """Begin a study. Raises ``ConfigError`` if ``grace`` leaves nothing to decide."""
        every_step(self.grace, contest.budget)
        first = max(self.grace, math.ceil(contest.budget / MOST_STEPS))
        levels = geometric_levels(first, _SPACING, contest.budget)
        self._plan = _Plan(contest, levels, Lines())

    def levels(self) -> Sequence[int]:
        """Return every step from ``grace`` on, later ones a tenth apart."""
        return started(self._plan).levels

    def judge(self, course: Course, peers: Peers) -> Decision:
        """Stop a trial if its chance is below the threshold."""
        contest, _, lines = started(self._plan)
        where = f"step {course.step}"
        if not self.grace <= course.step < contest.budget:
            return Decision(Verdict.CONTINUE, f"nothing is decided at {where}")
        for goal, loss in zip(contest.goals, course.losses[-1].tolist(), strict=True):
            if math.isinf(loss) or (math.isnan(loss) and len(contest.goals) == 1):
                return Decision(Verdict.STOP, f"{where}: {goal.metric} without a finite value")
        grid = Grid.of(course, contest.budget)
        found = fields(contest.goals, course, peers, (lines, grid), (self.low, self.high))
        if not found:
            return Decision(Verdict.CONTINUE, f"{where}: there is nothing to predict yet")
        decision = self._decide(found, grid, peers, contest.budget)
        return Decision(decision.verdict, f"{where}: {decision.reason}")

    def _decide(self, found: Sequence[Field], grid: Grid, peers: Peers, budget: int) -> Decision:
        before = ahead(found)
        others = peers.at_start
        total = sum(course.step for course in others)
        complete = sum(c.step for c in others if c.standing is Standing.COMPLETE)
        if not len(before) and complete < self.leaders * (total + budget):
            share = complete / total if total else 0.0
            words = f"it leads; complete trials took {share:.0%} of all epochs"
            return Decision(Verdict.CONTINUE, words)
        ended = [c.step for c in others if c.standing in _ENDED and c.step]
        spent = (sum(ended) / len(ended) if ended else budget) / grid.unit
        left = grid.steps - len(found[0].own.best)
        margins = [self.price * price(one.bests, spent) * left for one in found]
        levels = before if len(before) else np.array([[one.level for one in found]])
        odds = [Odds(one, self.used[0], grid.steps, self.trust) for one in found]
        words = _words(found, levels, margins)
        # Most trials go on whatever their prediction, which costs more than all the rest.
        least = joining(odds, levels + margins, Odds.least)
        if least >= self.threshold:
            words = f"chance {least:.2g} or more {words}, {self.threshold:g} is asked for"
            return Decision(Verdict.CONTINUE, words)
        chance = joining(odds, levels + margins)
        verdict = Verdict.STOP if chance < self.threshold else Verdict.CONTINUE
        return Decision(verdict, f"chance {chance:.2g} {words}, {self.threshold:g} is asked for")


def _words(found: Sequence[Field], levels: Floats, margins: Sequence[float]) -> str:
    """Return what there is a chance of, with its numbers."""
    if len(levels) == 1:
        aims = [
            f"{one.goal.metric} {one.words(level + margin)} (own {one.words(one.level)}, "
            f"best {one.words(level)})"
            for one, level, margin in zip(found, levels[0].tolist(), margins, strict=True)
        ]
        return f"of {' or '.join(aims)}"
    return f"to pass all {len(levels)} trials of the front that are better"
