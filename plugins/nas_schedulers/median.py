"""The median stopping rule of D. Golovin et al., "Google Vizier", KDD 2017."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nas import checks
from nas.abstract.scheduler import Contest, Course, Decision, Peers, Scheduler, Verdict
from nas_schedulers.criterion import ByOneObjective, Criterion, value
from nas_schedulers.plateau import every_step
from nas_schedulers.started import started

AVERAGE, BEST = "average", "best"


class _Plan(NamedTuple):
    criterion: Criterion
    levels: range
    history: History


@dataclass(eq=False)
class MedianStopping(ByOneObjective, Scheduler):
    """Stops a trial whose best is worse than the median of what others had by the same step.

    Others count as soon as they have come as far, whether they went on or not; the paper, which
    takes them one after another, counts ended ones. A diverged one counts as worst.

    Args:
        against: what of the others the median is taken of: their running ``average`` (the paper's
            rule, mild while curves fall) or their ``best`` so far (half of all trials end).
        trials: others that must have come as far.
        grace: units of budget that every trial has.
        objective: the metric to go by; None is the study's first objective.
    """

    against: str = AVERAGE
    trials: int = 5
    grace: int = 1
    objective: str | None = None
    _plan: _Plan | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        checks.one_of("against", self.against, [AVERAGE, BEST])
        checks.whole("trials", self.trials, 1)
        checks.whole("grace", self.grace, 1)

    def start(self, contest: Contest) -> None:
        """Begin a study. Raises ``ConfigError`` if ``grace`` leaves nothing to decide."""
        criterion = Criterion.of(contest, self.objective)
        levels = every_step(self.grace, contest.budget)
        self._plan = _Plan(criterion, levels, History(criterion.column, self.against))

    def levels(self) -> Sequence[int]:
        """Return every step from ``grace`` on."""
        return started(self._plan).levels

    def judge(self, course: Course, peers: Peers) -> Decision:
        """Stop a trial that is worse than the median."""
        criterion, levels, history = started(self._plan)
        if course.step not in levels:
            return Decision(Verdict.CONTINUE, f"nothing is decided at step {course.step}")
        where = f"step {course.step}"
        last = criterion.loss(course)
        if not math.isfinite(last):
            return Decision(Verdict.STOP, f"{where}: {criterion.words(last)}")
        reached = peers.at(course.step)
        others = len(reached.numbers)
        if others < self.trials:
            few = f"{others} others came as far, {self.trials} are needed"
            return Decision(Verdict.CONTINUE, f"{where}: {few}")
        best = float(course.best[criterion.column])
        median = float(np.median(history.at(course.step, peers)))
        verdict = Verdict.STOP if best > median else Verdict.CONTINUE
        what = "running averages" if self.against == AVERAGE else "bests"
        return Decision(
            verdict,
            f"{where}: best {criterion.words(best)}, the median of {others} {what} is "
            f"{value(criterion.goal, median)}",
        )


class History:
    """What trials had achieved by a step; infinite where they had diverged by then.

    It remembers what it has computed: what a trial has reported does not change in a study.

    Args:
        column: of the losses.
        against: ``average`` or ``best``.
    """

    def __init__(self, column: int, against: str) -> None:
        self._column = column
        self._reduce = np.nanmean if against == AVERAGE else np.nanmin
        self._known: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = {}

    def at(self, step: int, peers: Peers) -> NDArray[np.float64]:
        """Return ``(trials,)``: what those who have reached a step had achieved by then."""
        reached = peers.at(step)
        losses = reached.losses[:, self._column]
        seen, values = self._memory(step, int(reached.numbers[-1]) + 1)
        finite = np.isfinite(losses)
        for position in np.flatnonzero(finite & (seen[reached.numbers] != losses)):
            number = int(reached.numbers[position])
            seen[number] = losses[position]
            values[number] = self._reduce(peers.course_to(number, step).losses[:, self._column])
        return np.where(finite, values[reached.numbers], np.inf)

    def _memory(self, step: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return loss at the step and value by it, by trial number; NaN where not known yet."""
        known = self._known.get(step)
        if known is None or len(known[0]) < size:
            room = np.full((2, 1 << size.bit_length()), np.nan)
            if known is not None:
                room[:, : len(known[0])] = known
            known = self._known[step] = (room[0], room[1])
        return known
