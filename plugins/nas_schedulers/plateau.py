"""Patience: end a trial whose learning curve has become flat."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nas import checks
from nas.abstract.scheduler import Contest, Course, Decision, Peers, Scheduler, Verdict
from nas.errors import ConfigError
from nas_schedulers.criterion import ByOneObjective, Criterion
from nas_schedulers.started import started


class _Plan(NamedTuple):
    criterion: Criterion
    levels: range


@dataclass(eq=False)
class Plateau(ByOneObjective, Scheduler):
    """Stops a trial that has not improved for some time. Other trials do not matter.

    It is the baseline "patience k" of S. Adriaensen et al., "Efficient Bayesian Learning Curve
    Extrapolation using Prior-Data Fitted Networks", NeurIPS 2023, arXiv:2310.20447: a trial ends
    ``patience`` units of budget after its best report, if none since was better.

    Args:
        patience: units of budget without improvement after which a trial ends.
        min_delta: by what share of the best value a report must be better to count.
        grace: units of budget that every trial has.
        objective: the metric to go by; None is the study's first objective.
    """

    patience: int = 5
    min_delta: float = 0.0
    grace: int = 1
    objective: str | None = None
    _plan: _Plan | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("patience", self.patience, 1)
        checks.number("min_delta", self.min_delta)
        checks.whole("grace", self.grace, 1)

    def start(self, contest: Contest) -> None:
        """Begin a study. Raises ``ConfigError`` if ``grace`` leaves nothing to decide."""
        criterion = Criterion.of(contest, self.objective)
        self._plan = _Plan(criterion, every_step(self.grace, contest.budget))

    def levels(self) -> Sequence[int]:
        """Return every step from ``grace`` on."""
        return started(self._plan).levels

    def judge(self, course: Course, peers: Peers) -> Decision:
        """Stop a trial if its last improvement is too long ago."""
        criterion, levels = started(self._plan)
        if course.step not in levels:
            return Decision(Verdict.CONTINUE, f"nothing is decided at step {course.step}")
        where = f"step {course.step}"
        last = criterion.loss(course)
        if not math.isfinite(last):
            return Decision(Verdict.STOP, f"{where}: {criterion.words(last)}")
        step, best = self._improved(course, criterion)
        waited = course.step - step
        verdict = Verdict.STOP if waited >= self.patience else Verdict.CONTINUE
        return Decision(
            verdict,
            f"{where}: best {criterion.words(best)} was {waited} steps ago, "
            f"patience is {self.patience}",
        )

    def _improved(self, course: Course, criterion: Criterion) -> tuple[int, float]:
        """Return step and loss of the last report that was an improvement."""
        step, best = 0, math.inf
        for at, loss in zip(course.steps, course.losses[:, criterion.column].tolist(), strict=True):
            if loss < best - (self.min_delta * abs(best) if math.isfinite(best) else 0.0):
                step, best = at, loss
        return step, best


def every_step(grace: int, budget: int) -> range:
    """Return the steps from ``grace`` on, below the budget.

    Raises:
        ConfigError: there is none.
    """
    if grace >= budget:
        raise ConfigError(
            f"grace must be below the budget of a trial, which is {budget}, not {grace}"
        )
    return range(grace, budget)
