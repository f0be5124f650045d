"""Freeze-thaw: whichever trial promises most goes on for a while, then pauses again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from nas import checks
from nas.abstract.learning_curve import CurvePredictor
from nas.abstract.scheduler import Promotion
from nas.abstract.strategy import Problem, Proposal, Strategy
from nas.abstract.use import Use
from nas.architecture import Architecture
from nas.errors import ConfigError, StudyError
from nas.seeds import Rng, below, derive
from nas.trial import Status, Trial
from nas_strategies.freeze_thaw_curves import Forecasts
from nas_strategies.reports import metrics_at
from nas_strategies.started import started

LEAST, MOST = -4.0, -1.0
"""Decimal logarithms between which the wanted improvement is drawn (MFPI-random of ifBO)."""


@dataclass(eq=False)
class FreezeThaw(Strategy):
    """Trains ``step`` by ``step``: at each turn the trial that promises most, or a new one.

    As in ifBO (Rakotoarison et al. 2024, after Swersky et al. 2014) each turn draws a horizon ``h``
    of 1 to a full budget of steps and a threshold ``best + tau (1 - best)`` above the best value
    that any trial has reported, on a scale from 0 to 1, with ``log10 tau`` uniform in (-4, -1). The
    trial with the largest probability of exceeding the threshold ``h`` steps later, at the end of
    its budget at the latest, goes on. The probability is a curve predictor's, given the trial's own
    curve. That of a new trial, which has no curve yet, is ``1 / (n + 1)`` after ``n`` trials: by it
    the best of ``n + 1`` draws is the last one.

    By that alone hardly any trial would become complete, and only complete ones are on a front. So
    a turn in ``finish`` goes to the trial that is expected to be the best at its full budget, if
    no complete one is better.

    What begins is proposed by another strategy. It is told all trials anew before each proposal:
    those that are not complete as complete, with the loss that is expected at their full budget.

    For one objective. Most trials never become complete: end the study by ``stop.budget``.

    Args:
        predictor: a curve predictor, name or table with ``name`` and parameters.
        propose: a strategy, name or table, that proposes new trials.
        step: units of budget that a trial is given at a time.
        finish: share of the turns that finish what is expected to be the best.
        low: the smallest value that the objective can have, such as 0 of an error or a
            cross-entropy; by default unknown.
        high: the largest value, such as 1 of an error.
    """

    predictor: str | Mapping[str, Any] = "curve_bank"
    propose: str | Mapping[str, Any] = "random"
    step: int = 1
    finish: float = 0.25
    low: float | None = None
    high: float | None = None
    _problem: Problem | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.whole("step", self.step, 1)
        checks.probability("finish", self.finish)
        Use.read("curve_predictor", self.predictor)
        Use.read("strategy", self.propose)
        for name in ("low", "high"):
            _check_bound(name, getattr(self, name))
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError(f"low must be below high, not {self.low!r} and {self.high!r}")

    @property
    def uses(self) -> Sequence[Use]:
        """The curve predictor and the strategy."""
        return [Use.read("curve_predictor", self.predictor), Use.read("strategy", self.propose)]

    @property
    def pauses(self) -> bool:
        """Every trial pauses after each step."""
        return True

    def start(self, problem: Problem) -> None:
        """Begin a study.

        Raises:
            ConfigError: several objectives, no trial would ever pause, or ``propose`` pauses itself
                or cannot do the study.
            StudyError: the strategy was built by hand and ``used`` was not set.
        """
        predictor, self._inner = _parts(self.used)
        if len(problem.goals) > 1:
            metrics = ", ".join(goal.metric for goal in problem.goals)
            raise ConfigError(
                f"freeze_thaw goes by one objective, not by {metrics}; scheduler moasha stops "
                "trials by several"
            )
        if problem.budget is None or problem.budget <= self.step:
            raise ConfigError(
                f"step must be below the budget of a trial, which is {problem.budget}, not "
                f"{self.step}"
            )
        if self._inner.pauses:
            raise ConfigError("propose must be a strategy that pauses no trials")
        self._inner.start(problem)
        self._problem, self._budget = problem, problem.budget
        bounds = self.low, self.high
        self._forecasts = Forecasts(predictor, problem.goals[0], problem.budget, *bounds)
        self._entries: dict[int, _Entry] = {}
        self._earlier: list[Trial] = []
        self._informed = False

    def resume(self, rng: Rng, begins: bool) -> Promotion | None:
        """Let the trial go on that promises most, unless a new one promises more."""
        waiting = {n: entry for n, entry in self._entries.items() if entry.waits}
        if not waiting:
            return None
        found = self._best(waiting) if rng.random() < self.finish else None
        found = found or self._most_promising(waiting, rng, begins)
        if found is None:
            return None
        number, reason = found
        waiting[number].waits = False
        return Promotion(number, reason, waiting[number].step + self.step)

    def ask(self, rng: Rng) -> Proposal:
        """Propose what the other strategy proposes."""
        started(self._problem)
        if not self._informed:
            self._inform()
        return replace(self._inner.ask(rng), until=self.step)

    def begun(self, number: int, proposal: Proposal) -> None:
        """Take note of a trial that runs."""
        self._entries[number] = _Entry(proposal.architecture)
        self._informed = False

    def tell(self, trial: Trial) -> None:
        """Learn how a curve goes on, or how a trial has ended."""
        self._informed = False
        if trial.number < 0:
            self._earlier.append(trial)
            return
        entry = self._entries.setdefault(trial.number, _Entry(trial.architecture))
        entry.trial = trial
        if trial.status in (Status.FAILED, Status.INFEASIBLE):
            self._forecasts.forget(trial.number)
        elif trial.curve:
            goals = started(self._problem).goals
            metric = goals[0].metric
            values = [metrics_at(trial, p, goals, "freeze_thaw")[metric] for p in trial.curve]
            self._forecasts.learn(trial.number, [p.step for p in trial.curve], values)
            entry.step, entry.waits = trial.curve[-1].step, trial.status is Status.PAUSED

    def _best(self, waiting: Mapping[int, _Entry]) -> tuple[int, str] | None:
        """Return who is expected to be the best of all when it is complete, if anybody is."""
        complete = [n for n, entry in self._entries.items() if entry.step == self._budget]
        final = self._forecasts.final
        best = max(sorted(waiting), key=final)
        if final(best) <= max(map(final, complete), default=-1.0):
            return None
        return best, f"expected to be the best at its full budget: {self._value(final(best))}"

    def _most_promising(
        self, waiting: Mapping[int, _Entry], rng: Rng, begins: bool
    ) -> tuple[int, str] | None:
        """Return who is most likely to exceed a random threshold soon; None for a new trial."""
        horizon = 1 + below(self._budget, rng)
        tau = 10 ** (LEAST + (MOST - LEAST) * rng.random())
        steps = {n: min(entry.step + horizon, self._budget) for n, entry in waiting.items()}
        threshold = (best := self._forecasts.best) + tau * (1 - best)
        new = 1 / (len(self._entries) + 1)
        found = self._forecasts.likeliest(steps, threshold, new if begins else -1.0)
        if found is None:
            return None
        number, chance = found
        words = f"better than {self._value(threshold)} at step {steps[number]}"
        words = f"{words} with probability {chance:.2g}"
        return number, f"{words}, a new one with {new:.2g}" if begins else words

    def _value(self, normalised: float) -> str:
        goal = started(self._problem).goals[0]
        return f"{goal.metric} {goal.loss(self._forecasts.loss(normalised)):.4g}"

    def _inform(self) -> None:
        """Tell the other strategy of all trials, as far as is known by now."""
        problem = started(self._problem)
        self._inner.start(replace(problem, seed=derive(problem.seed, "propose")))
        known = {
            number: self._expected(entry.trial)
            for number, entry in sorted(self._entries.items())
            if entry.trial is not None
        }
        typical = [trial.losses[0] for trial in known.values() if trial.losses]
        for number, entry in sorted(self._entries.items()):
            if number not in known and typical:  # nothing was reported of it yet
                losses = (median(typical),)
                known[number] = Trial(number, entry.architecture, Status.COMPLETE, losses)
        for trial in [*self._earlier, *(known[number] for number in sorted(known))]:
            self._inner.tell(trial)
        self._informed = True

    def _expected(self, trial: Trial) -> Trial:
        """Return a paused trial as it is expected to be when it is complete."""
        if trial.status is not Status.PAUSED:
            return trial
        loss = self._forecasts.loss(self._forecasts.final(trial.number))
        return replace(trial, status=Status.COMPLETE, losses=(loss,))


@dataclass
class _Entry:
    """A trial of the study.

    Args:
        architecture: what is evaluated.
        trial: as it was told last; None before that.
        step: at which it paused last.
        waits: whether it may go on.
    """

    architecture: Architecture
    trial: Trial | None = None
    step: int = 0
    waits: bool = False


def _check_bound(name: str, value: object) -> None:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if value is not None and not (real and math.isfinite(value)):  # type: ignore[arg-type]
        raise ValueError(f"{name} must be a finite number, not {value!r}")


def _parts(used: Sequence[Any]) -> tuple[CurvePredictor, Strategy]:
    if len(used) == 2 and isinstance(used[0], CurvePredictor) and isinstance(used[1], Strategy):
        return used[0], used[1]
    raise StudyError(
        f"expected a built curve predictor and strategy in the strategy's 'used', not "
        f"{list(used)!r}: nas.strategy(name) and every search set it"
    )
