"""What an earlier session has found out about a trial, run by run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace

from nas.abstract.scheduler import Verdict
from nas.engine.courses import INHERIT, PROMOTE, Track
from nas.trial import CurvePoint, Ruling, Status, Trial

ENDS = (Verdict.STOP.value, Verdict.PAUSE.value)


class Past:
    """A trial as the archive holds it.

    Args:
        trial: as it was archived last.
        measured: metrics that were known before it was trained.
        curve: all that it has reported.
        rulings: all that was decided on it, in order.
    """

    def __init__(
        self,
        trial: Trial,
        measured: Iterable[str],
        curve: Iterable[CurvePoint],
        rulings: Iterable[Ruling],
    ) -> None:
        self.trial = trial
        self._known = {m: trial.metrics[m] for m in measured if m in trial.metrics}
        self.curve = tuple(curve)
        # what a trial has inherited the referee notes itself, whenever it begins
        self._rulings = deque(ruling for ruling in rulings if ruling.verdict != INHERIT)
        self._begun = False

    @property
    def over(self) -> bool:
        """Whether nothing is known of a next run."""
        return self._begun and not self._rulings

    def next_run(self, track: Track) -> Trial:
        """Let a track have what is known of the next run; return the trial as that has left it."""
        self._begun = True
        if self._rulings and self._rulings[0].verdict == PROMOTE:
            promoted = self._rulings.popleft()
            if track.rulings[-1].verdict != PROMOTE:  # the referee has not ruled so itself
                track.rule(promoted)
        last = None
        rulings: list[Ruling] = []
        while self._rulings and last is None:
            ruling = self._rulings.popleft()
            rulings.append(ruling)
            last = ruling.step if ruling.verdict in ENDS else None
        track.heard((p for p in self.curve if last is None or p.step <= last), self._known)
        for ruling in rulings:
            track.rule(ruling)
        if self._rulings:
            return replace(self.trial, status=Status.PAUSED, losses=(), budget=last)
        return self.trial
