"""Virtual time: why a search with a scheduler gives the same trials on any number of workers.

In it, workers are equally fast, and each unit of budget takes one unit of time. Runs of trials are
numbered in the order in which they are submitted, and begin in that order as virtual workers
become free. A decision on run ``r`` at virtual time ``v`` knows what lower runs had reported by
then, no more; so it never waits for a higher one, and one worker that does all runs in their order
never waits at all. While a place of the window is free the next run is submitted; else that is
done when the next end of a run is told, in virtual time. With more places than virtual workers
some runs wait for one: real workers, of which some are faster, find work there while others are
waited for and while proposals are made.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from nas.abstract.scheduler import Course, Standing
from nas.engine.courses import Run, Track
from nas.trial import Status, Trial


class NotYetKnown(BaseException):
    """What a decision needs has not been reported.

    A scheduler that is asking shall not catch it with its own errors.
    """


class Timeline:
    """The order of runs with a scheduler, by virtual time.

    Args:
        window: runs that are submitted and have not been told.
        workers: virtual ones.
    """

    together = 1
    """What ends without a worker is told at once, as when the archive answers it."""

    def __init__(self, window: int, workers: int) -> None:
        self._window, self._workers = window, workers
        self.begun: Callable[[Track], None] = lambda track: None
        """Is called when it has become known when a run began."""
        self._index, self._open = 0, 0
        self._clock, self._now = 0.0, 0.0
        """Up to when all is known, and up to when it was told."""
        self._waiting: deque[tuple[Run, Track]] = deque()
        self._active: list[tuple[Run, Track]] = []
        self._ended: dict[int, Trial] = {}
        """How runs have left their trials, by their index."""
        self._ends: deque[tuple[float, list[Trial]]] = deque()
        """What has ended together, and when; not told yet."""
        self._settled: list[Trial] = []

    def begin(self, track: Track, asks: Sequence[int]) -> None:
        """Submit a run of a trial: it begins when a virtual worker is free."""
        track.begin(Run(self._index, math.inf, track.done), asks)
        self._index += 1
        self._open += 1
        self._waiting.append((track.run, track))
        self._occupy()

    def ended(self, trial: Trial) -> None:
        """The run of a trial has ended, as its track knows; or the trial needed no run."""
        runs = [*self._active, *self._waiting]
        run = next((r for r, t in reversed(runs) if t.number == trial.number), None)
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
        if self._open >= self._window:
            found = self.next_end()
            if found is None:
                return None
            ended = found
        told, self._settled = self._settled, []
        return [*told, *ended]

    def next_end(self) -> list[Trial] | None:
        """Let time pass to the next end; return all that end then, or None if it is not known yet.

        Whoever asks has submitted all that it can, so virtual workers may stay idle from then on.
        """
        while self._is_open() and self._consume():
            pass
        if self._is_open():
            return None
        self._now, ended = self._ends.popleft()
        self._open -= len(ended)
        return ended

    def rest(self) -> list[Trial]:
        """Return what has not been told when a study ends."""
        last = [trial for _, ended in self._ends for trial in ended]
        runs = [(r, t) for r, t in [*self._active, *self._waiting] if r.index in self._ended]
        order = sorted((run.time_of(run.last), run.index) for run, _ in runs)
        self._active = [(run, t) for run, t in self._active if run.index not in self._ended]
        settled, self._settled = self._settled, []
        self._ends.clear()
        return [*settled, *last, *(self._ended.pop(index) for _, index in order)]

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
        """Return the same for a decision on a running trial after a step.

        Raises:
            NotYetKnown: it is not known when its run begins.
        """
        while math.isinf(track.run.began) and self._consume():
            pass
        if math.isinf(track.run.began):
            raise NotYetKnown
        return track.run.index, track.run.time_of(step)

    def check_known(self, before: float, at: float) -> None:
        """Raise ``NotYetKnown`` if a run below ``before`` has not come to a virtual time."""
        if any(track.alive_until < at for _, track in self._running(before)):
            raise NotYetKnown

    def check_reached(self, level: int, before: float, at: float) -> None:
        """Raise ``NotYetKnown`` if such a run could still reach a level by a virtual time.

        Those that have reached it, or cannot by then, need not be waited for.
        """
        for run, track in self._running(before):
            if track.step < level and run.time_of(level) <= at:
                raise NotYetKnown

    def check_complete(self, before: float, at: float) -> None:
        """Raise ``NotYetKnown`` if such a run could still be complete by a virtual time."""
        if any(run.time_of(track.budget) <= at for run, track in self._running(before)):
            raise NotYetKnown

    def _running(self, before: float) -> Iterable[tuple[Run, Track]]:
        return ((r, t) for r, t in self._active if r.index < before and not r.over)

    def _occupy(self) -> None:
        """Let virtual workers that are free begin what waits."""
        while self._waiting and len(self._active) < self._workers:
            run, track = self._waiting.popleft()
            run.began = self._clock
            self._active.append((run, track))
            self.begun(track)

    def _is_open(self) -> bool:
        """Tell whether others could still end together with what is told next."""
        if not self._ends:
            return True
        return len(self._ends) == 1 and any(
            run.ended == self._ends[0][0] for run, _ in self._active
        )

    def _consume(self) -> bool:
        """Let time pass to the next end of a run; tell whether that was possible.

        At any time if a run waits, for that begins then; else only after all that could be
        submitted: what comes late would begin later than it should.
        """
        ends = [(run.time_of(run.last), run.index) for run, _ in self._active if run.over]
        if not ends or min(ends)[1] not in self._ended:
            return False
        ended, index = min(ends)
        if any(not run.over and track.alive_until < ended for run, track in self._active):
            return False
        self._active = [(run, track) for run, track in self._active if run.index != index]
        if not self._ends or self._ends[-1][0] < ended:
            self._ends.append((ended, []))
        self._ends[-1][1].append(self._ended.pop(index))
        self._clock = max(self._clock, ended)
        self._occupy()
        return True


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
    return track.course(run.first + run.steps_by(at), Standing.RUNNING)


def steps_by(track: Track, before: float, at: float) -> int:
    """Return the steps that a trial has done itself by a virtual time."""
    run = next((r for r in reversed(track.runs) if r.index < before), None)
    if run is None:
        return 0
    ended = run.ended is not None and run.ended <= at
    last = run.last if ended else run.first + run.steps_by(at)
    return last - track.inherited


def visible(tracks: Iterable[Track], before: float, at: float) -> list[Course]:
    """Return trials as ``seen``."""
    found = (seen(track, before, at) for track in tracks)
    return [course for course in found if course is not None]
