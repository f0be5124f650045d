"""Losses of infeasible and failed trials, for optimizers that know neither."""

from __future__ import annotations

from nas.trial import Status, Trial


class Penalties:
    """Turns any trial into losses that keep the order of constrained dominance (Deb et al. 2002).

    Until a first trial is feasible, every trial has one loss, its penalty: v / (1 + v) for a
    violation v, and 1 for a failure. From then on feasible trials have their own losses, and in
    each objective the others have the worst feasible loss so far, plus the penalty times the range
    of the feasible losses so far: any scale of losses will do, and no constant has to be large
    enough.
    """

    def __init__(self) -> None:
        self._best: list[float] = []
        self._worst: list[float] = []

    def add(self, trial: Trial) -> bool:
        """Take note of a trial; tell whether it is the first feasible one."""
        if not trial.feasible:
            return False
        first = not self._best
        if first:
            self._best, self._worst = list(trial.losses), list(trial.losses)
        self._best = list(map(min, self._best, trial.losses))
        self._worst = list(map(max, self._worst, trial.losses))
        return first

    def losses(self, trial: Trial) -> tuple[float, ...]:
        """Return finite losses, lower is better; as many as objectives, or one at first."""
        if trial.feasible:
            return trial.losses
        penalty = _penalty(trial)
        if not self._best:
            return (penalty,)
        return tuple(
            worst + penalty * ((worst - best) or abs(worst) or 1.0)
            for best, worst in zip(self._best, self._worst, strict=True)
        )


def infeasibility(trial: Trial) -> float:
    """Return 0 for a feasible trial, 1 to 2 for any other; a failed trial has 2."""
    return 0.0 if trial.feasible else 1.0 + _penalty(trial)


def _penalty(trial: Trial) -> float:
    if trial.status in (Status.COMPLETE, Status.INFEASIBLE):
        return trial.violation / (1 + trial.violation)
    return 1.0
