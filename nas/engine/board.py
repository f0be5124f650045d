"""What trials had achieved at each level, kept as they report: a decision reads no whole curves."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nas.abstract.scheduler import Course, Level, Peers, Standing
from nas.engine.courses import Track
from nas.engine.timeline import Timeline

FIRST_ROOM = 64


class _Column:
    """Entries that are only ever added, with when they became known.

    Args:
        objectives: how many losses an entry has.
    """

    def __init__(self, objectives: int) -> None:
        self._count = 0
        self._values = np.empty((FIRST_ROOM, 4 + objectives))

    def add(self, number: int, run: int, time: float, violation: float, losses: object) -> None:
        """Add the entry of a trial, known to runs above ``run`` from a virtual time on."""
        if self._count == len(self._values):
            self._values = np.concatenate([self._values, np.empty_like(self._values)])
        row = self._values[self._count]
        row[:4] = number, run, time, violation
        row[4:] = losses
        self._count += 1

    def level(self, before: float, at: float, but: int) -> Level:
        """Return what a decision may know, without trial ``but``."""
        rows = self._values[: self._count]
        known: NDArray[np.bool_] = (rows[:, 1] < before) & (rows[:, 2] <= at) & (rows[:, 0] != but)
        rows = rows[known]
        rows = rows[rows[:, 0].argsort(kind="stable")]
        return Level(rows[:, 0].astype(np.int64), rows[:, 4:], rows[:, 3])


class Board:
    """All trials' losses at those levels that anybody has asked for.

    Args:
        tracks: all trials, by number.
        objectives: how many there are.
    """

    def __init__(self, tracks: Mapping[int, Track], objectives: int) -> None:
        self._tracks, self._objectives = tracks, objectives
        self._columns: dict[int, _Column] = {}
        self._complete = _Column(objectives)

    def reported(self, track: Track, since: int) -> None:
        """Take note of what a trial has reported after step ``since``."""
        for level, column in self._columns.items():
            if level > since:
                _enter(column, track, level)

    def ended(self, track: Track) -> None:
        """Take note of a trial whose run has ended, if that is known in virtual time."""
        run = track.run
        if track.audited is not None or run.ended is None or math.isinf(run.ended):
            return
        if run.standing is Standing.COMPLETE and track.points:
            last = track.latest
            losses, violation = last.losses[-1], last.violations[-1]
            self._complete.add(track.number, run.index, run.ended, violation, losses)

    def begun(self, track: Track) -> None:
        """Take note of all that a run has reported before it was known when it began."""
        self.reported(track, track.run.first)
        self.ended(track)

    def at(self, level: int, before: float, at: float, but: int) -> Level:
        """Return what the runs below ``before`` had achieved at a level by a virtual time."""
        if level not in self._columns:
            column = self._columns[level] = _Column(self._objectives)
            for track in self._tracks.values():
                _enter(column, track, level)
        return self._columns[level].level(before, at, but)

    def course_to(self, number: int, level: int) -> Course:
        """Return a trial that has reached a level, up to its first report there."""
        track = self._tracks[number]
        first = bisect_left(track.points, level, key=lambda point: point.step)
        return track.course(track.points[first].step, Standing.RUNNING, own=True)

    def complete(self, before: float, at: float, but: int) -> Level:
        """Return the results of trials that were complete by a virtual time."""
        return self._complete.level(before, at, but)


def _enter(column: _Column, track: Track, level: int) -> None:
    found = track.first_at(level)
    if found is not None and math.isfinite(found[1]):
        run, time, losses, violation = found
        column.add(track.number, run, time, violation, losses)


class KnownPeers(Peers):
    """What a decision may know of other trials.

    It is looked up, and has to be known, only as far as a scheduler asks for it: one that goes by
    a rung waits for nobody who is beyond it.

    Args:
        board: of all trials.
        timeline: knows who has to be waited for; None if nobody is.
        known: below which run, and until which virtual time.
        but: number of the trial that is decided on, or -1.
        courses: returns the others as they were at a virtual time.
        began: virtual time at which the run that is decided on began.
    """

    def __init__(
        self,
        board: Board,
        timeline: Timeline | None,
        known: tuple[float, float],
        but: int,
        courses: Callable[[float, float], Iterable[Course]],
        began: float,
    ) -> None:
        self._board, self._timeline, self._find = board, timeline, courses
        self._known, self._but, self._began = known, but, began
        self._levels: dict[int, Level] = {}

    @cached_property
    def courses(self) -> Sequence[Course]:
        """What is known of each."""
        return tuple(self._find(*self._known))

    @cached_property
    def at_start(self) -> Sequence[Course]:
        """Each as it was when the run began: that is when all of it had become known."""
        return tuple(self._find(self._known[0], self._began))

    def at(self, level: int) -> Level:
        """Return what all that have reached a level had achieved there."""
        if level not in self._levels:
            if self._timeline is not None:
                self._timeline.check_reached(level, *self._known)
            self._levels[level] = self._board.at(level, *self._known, self._but)
        return self._levels[level]

    @cached_property
    def complete(self) -> Level:
        """The results of complete trials."""
        if self._timeline is not None:
            self._timeline.check_complete(*self._known)
        return self._board.complete(*self._known, self._but)

    def _course_to(self, number: int, level: int) -> Course:
        return self._board.course_to(number, level)
