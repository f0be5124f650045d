"""Virtual time: why a search with a scheduler gives the same trials on any number of workers.

In it, ``window`` workers are equally fast and each unit of budget takes one unit of time. Runs of
trials are numbered in the order in which they begin. A decision on run ``r`` at virtual time ``v``
knows what lower runs had reported by then, no more; so it never waits for a higher one, and one
worker that does all runs in their order never waits at all. The next run begins when the first of
the virtual workers is free, knowing all that had ended by then.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from nas.abstract.scheduler import Course, Standing
from nas.engine.courses import Run, Track
from nas.trial import Status, Trial


class NotYetKnown(Exception):  # noqa: N818 - no error: whoever asks has to wait
    """What a decision needs has not been reported."""


class Timeline:
    """The order of runs with a scheduler, by virtual time.

    Args:
        window: virtual workers.
    """

    together = 1
    """What ends without a worker is told at once, as when the archive answers it."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._now = 0.0
        self._index = 0
        self._active: list[tuple[Run, Track]] = []
        self._ended: dict[int, Trial] = {}
        """How runs have left their trials, by their index."""
        self._settled: list[Trial] = []

    def begin(self, track: Track, asks: Sequence[int]) -> None:
        """Let a run of a trial begin now."""
        track.begin(Run(self._index, self._now, track.done), asks)
        self._index += 1
        self._active.append((track.run, track))

    def ended(self, trial: Trial) -> None:
        """The run of a trial has ended, as its track knows; or the trial needed no run."""
        run = next((r for r, t in reversed(self._active) if t.number == trial.number), None)
        if run is None:
            self._settled.append(trial)
        else:
            self._ended[run.index] = trial

    answered = ended

    def due(self, number: int, running: int) -> list[Trial] | None:
        """Return what has ended by the time at which the next run can begin; None if it must wait.

        Args:
            number: of the next proposal.
            running: how many trials are in flight.
        """
        ended: list[Trial] = []
        if len(self._active) >= self._window:
            found = self.next_end()
            if found is None:
                return None
            ended = found
        told, self._settled = self._settled, []
        return [*told, *ended]

    def next_end(self) -> list[Trial] | None:
        """Let time pass to the next end; return all that end then, or None if it is not known."""
        trial = self._consume(math.inf)
        if trial is None:
            return None
        ended = [trial]
        while (trial := self._consume(self._now)) is not None:
            ended.append(trial)
        return ended

    def rest(self) -> list[Trial]:
        """Return what has not been told when a study ends."""
        ended = [(run.ended, run.index) for run, _ in self._active if run.index in self._ended]
        self._active = [(run, t) for run, t in self._active if run.index not in self._ended]
        settled, self._settled = self._settled, []
        return [*settled, *(self._ended.pop(index) for _, index in sorted(ended))]

    def settled(self, number: int) -> bool:
        """Earlier sessions are replayed with all their decisions."""
        return True

    def told(self) -> int | None:
        """Nothing needs to be kept: it follows from the virtual time."""
        return None

    def now(self) -> tuple[float, float]:
        """Return below which run, and until when, a decision on the next run knows everything."""
        return self._index, self._now

    def at(self, track: Track, step: int) -> tuple[float, float]:
        """Return the same for a decision on a running trial after a step."""
        return track.run.index, track.run.time_of(step)

    def check_known(self, before: float, at: float) -> None:
        """Raise ``NotYetKnown`` if a run below ``before`` has not come to a virtual time."""
        for run, track in self._active:
            if run.index < before and run.ended is None and track.alive_until < at:
                raise NotYetKnown

    def _consume(self, until: float) -> Trial | None:
        """Let time pass to the first end; None while another run could end before it."""
        ends = [(run.ended, run.index) for run, _ in self._active if run.ended is not None]
        if not ends or min(ends)[0] > until:
            return None
        ended, index = min(ends)
        if any(run.ended is None and track.alive_until < ended for run, track in self._active):
            return None
        self._active = [(run, track) for run, track in self._active if run.index != index]
        self._now = max(self._now, ended)
        return self._ended.pop(index)


def standing_of(status: Status) -> Standing:
    """Return where a trial of that status stands."""
    return {
        Status.COMPLETE: Standing.COMPLETE,
        Status.STOPPED: Standing.STOPPED,
        Status.PAUSED: Standing.PAUSED,
    }.get(status, Standing.FAILED)


def seen(track: Track, before: float, at: float) -> Course | None:
    """Return a trial as the runs below ``before`` had it at a virtual time; None if none had begun.

    Raises:
        NotYetKnown: it has not come that far.
    """
    run = next((r for r in reversed(track.runs) if r.index < before), None)
    if run is None:
        return None
    if run.ended is not None and run.ended <= at:
        return track.course(run.last, run.standing)
    if run.ended is None and track.alive_until < at:
        raise NotYetKnown
    return track.course(run.first + int(at - run.began), Standing.RUNNING)


def steps_by(track: Track, before: float, at: float) -> int:
    """Return the steps that a trial has done itself by a virtual time."""
    run = next((r for r in reversed(track.runs) if r.index < before), None)
    if run is None:
        return 0
    last = (
        run.last if run.ended is not None and run.ended <= at else run.first + int(at - run.began)
    )
    return last - track.inherited


def visible(tracks: Iterable[Track], before: float, at: float) -> list[Course]:
    """Return trials as ``seen``."""
    found = (seen(track, before, at) for track in tracks)
    return [course for course in found if course is not None]
