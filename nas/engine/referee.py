"""Asks the scheduler about trials as they report, and keeps what it said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from nas.abstract.scheduler import (
    Contest,
    Course,
    Decision,
    Peers,
    Promotion,
    Scheduler,
    Standing,
    Verdict,
)
from nas.abstract.strategy import Strategy
from nas.engine.board import Board, KnownPeers
from nas.engine.courses import AUDIT, PROMOTE, Run, Track
from nas.engine.timeline import NotYetKnown, Timeline, standing_of, steps_by, visible
from nas.errors import PluginError, StudyError
from nas.executors.hearing import News
from nas.goals import Goal
from nas.seeds import rng
from nas.suggest import listed
from nas.trial import Ruling, Status, Trial


class Referee:
    """The driver's side of all running trials: hears what they report, says whether they go on.

    Args:
        scheduler: decides; None if only a strategy pauses trials.
        goals: the objectives in order.
        budget: of a complete trial.
        seed: of the study.
        audit: share of the trials that were to stop, at random, that go on all the same.
        timeline: what may be known when; None if everything that has been reported may be.
    """

    def __init__(
        self,
        scheduler: Scheduler | None,
        goals: Sequence[Goal],
        budget: int,
        seed: int,
        audit: float = 0.0,
        timeline: Timeline | None = None,
    ) -> None:
        self._scheduler, self._goals, self._budget = scheduler, tuple(goals), budget
        self._seed, self._audit, self.timeline = seed, audit, timeline
        self._levels: tuple[int, ...] = ()
        self._needed: tuple[str, ...] = ()
        if scheduler is not None:
            scheduler.start(Contest(self._goals, budget, seed))
            self._levels = tuple(sorted({s for s in scheduler.levels() if 0 < s < budget}))
            self._needed = tuple(scheduler.decides_by(self._goals))
        self.tracks: dict[int, Track] = {}
        self._board = Board(self.tracks, len(self._goals))
        if timeline is not None:
            timeline.begun = self._board.begun
        self._runs = 0

    @property
    def decides(self) -> bool:
        """Whether there is anything that it could decide."""
        return bool(self._levels)

    def begin(
        self,
        number: int,
        known: Mapping[str, float],
        until: int | None = None,
        inherits: int | None = None,
    ) -> tuple[int, ...]:
        """Let a run of a trial begin, its first or another one; return the steps at which it asks.

        Args:
            number: of the trial.
            known: metrics that do not change in training.
            until: step at which the run pauses at the latest, or None.
            inherits: a paused trial whose state a new one begins with, or None.
        """
        track = self.tracks.get(number)
        if track is None:
            track = Track(number, self._goals, self._budget, dict(known))
            self.tracks[number] = track
            track.told = self._board.reported
            if inherits is not None:
                track.inherit(self.tracks[inherits])
        asks = {level for level in self._levels if level > track.done}
        if until is not None and until < self._budget:
            asks = {level for level in asks if level < until} | {until}
        track.until = until
        ordered = tuple(sorted(asks))
        if self.timeline is not None:
            self.timeline.begin(track, ordered)
        else:
            track.begin(Run(self._runs, 0.0, track.done), ordered)
        self._runs += 1
        return ordered

    def heard(self, news: News) -> None:
        """Take note of what a trial has reported."""
        self.tracks[news.number].heard(news.points, news.metrics)

    def verdict(self, number: int, step: int) -> Verdict | None:
        """Return what becomes of a trial after a step; None as long as that cannot be known."""
        track = self.tracks[number]
        known = track.ruled(step)
        if known is not None:
            return Verdict.CONTINUE if known.verdict == AUDIT else Verdict(known.verdict)
        decision = self._decide(track, step)
        if decision is None:
            return None
        if decision.verdict is Verdict.STOP and self._is_audited(number):
            track.rule(Ruling(step, AUDIT, decision.reason))
            return Verdict.CONTINUE
        track.rule(Ruling(step, decision.verdict.value, decision.reason))
        return decision.verdict

    def ended(self, trial: Trial) -> None:
        """Note how a run has ended, or a trial that needed none."""
        track = self.tracks.get(trial.number)
        if track is not None:
            track.end(standing_of(trial.status))
            self._board.ended(track)

    def promote(self, strategy: Strategy, begins: bool) -> Promotion | None:
        """Return the paused trial that goes on now; None if a new one may begin.

        Args:
            strategy: is asked where the scheduler promotes none.
            begins: whether a new one can.
        """
        promotion = None
        if self._scheduler is not None and self._scheduler.pauses:
            promotion = self._scheduler.promote(self._peers_now())
        if promotion is None and strategy.pauses:
            promotion = strategy.resume(rng(self._seed, "resume", self._runs), begins)
        if promotion is not None:
            self._paused(promotion.number).rule(
                Ruling(self._paused(promotion.number).done, PROMOTE, promotion.reason)
            )
        return promotion

    def replace(self, number: int, by: int, reason: str) -> tuple[Ruling, ...]:
        """End a paused trial because another one begins; return what was decided on it."""
        track = self._paused(number)
        words = f"{reason}; trial {by} takes its place" if reason else f"trial {by} takes its place"
        track.rule(Ruling(track.done, Verdict.STOP.value, words))
        track.run.standing = Standing.STOPPED
        return tuple(track.rulings)

    def _paused(self, number: int) -> Track:
        track = self.tracks.get(number)
        if track is None or track.run.standing is not Standing.PAUSED:
            raise PluginError(f"trial {number} is to go on or to be replaced, but is not paused")
        return track

    def as_complete(self, trial: Trial) -> Trial:
        """Return a stopped trial as a strategy is told of it.

        It is complete, with the losses expected at its full budget: its last ones, and what
        complete trials have gained since that step, in the median. So the order of those that
        were stopped at one step is kept.
        """
        track = self.tracks[trial.number]
        last = track.latest.losses[-1]
        peers = self._peers_now()
        there, complete = peers.at(track.done), peers.complete
        both = np.isin(there.numbers, complete.numbers, assume_unique=True)
        if both.any():
            finals = complete.losses[np.isin(complete.numbers, there.numbers, assume_unique=True)]
            last = last + np.median(finals - there.losses[both], axis=0)
            last = np.where(np.isfinite(last), last, finals.max(axis=0))
        return replace(trial, status=Status.COMPLETE, losses=tuple(last.tolist()))

    def as_told(self, trial: Trial) -> Trial:
        """Return a trial as a strategy that pauses trials is told of it: with its curve."""
        track = self.tracks.get(trial.number)
        if track is None or not track.points:
            return trial
        curve = tuple(point for point in track.points if point.step <= track.done)
        if trial.status is not Status.PAUSED:
            return replace(trial, curve=curve)
        losses = tuple(track.latest.losses[-1].tolist())
        return replace(trial, losses=losses, curve=curve)

    @property
    def spent(self) -> int:
        """The budget that all trials have used by now, without what they inherited."""
        if self.timeline is None:
            return sum(track.latest.step - track.inherited for track in self.tracks.values())
        before, at = self.timeline.now()
        return sum(steps_by(track, before, at) for track in self.tracks.values())

    def rulings(self, number: int) -> tuple[Ruling, ...]:
        """Return what was decided on a trial so far."""
        track = self.tracks.get(number)
        return tuple(track.rulings) if track else ()

    def _decide(self, track: Track, step: int) -> Decision | None:
        if self._scheduler is None or step == track.until:
            return Decision(Verdict.PAUSE, f"its run ends at {step}")
        self._check_reported(track)
        course = track.course(step, Standing.RUNNING, own=True)
        try:
            decision = self._scheduler.judge(course, self._peers(track, step))
        except NotYetKnown:
            return None
        if decision.verdict is Verdict.PAUSE and not self._scheduler.pauses:
            raise PluginError(
                f"scheduler {type(self._scheduler).__name__} paused trial {track.number}, "
                "but says that it pauses none"
            )
        return decision

    def _check_reported(self, track: Track) -> None:
        known = {**track.metrics, **track.points[-1].metrics}
        missing = [metric for metric in self._needed if metric not in known]
        if missing:
            raise StudyError(
                f"the scheduler decides by {listed(self._needed)}, but the evaluator does not "
                f"report {listed(missing)} while it trains; it reports "
                f"{listed(track.points[-1].metrics)}. Take one of these as the scheduler's "
                "objective, or leave out [scheduler]"
            )

    def _is_audited(self, number: int) -> bool:
        return bool(self._audit) and rng(self._seed, "audit", number).random() < self._audit

    def _peers_now(self) -> Peers:
        if self.timeline is None:
            return self._those(EVERYTHING, None, math.inf)
        known = self.timeline.now()
        self.timeline.check_known(*known)
        return self._those(known, None, known[1])

    def _peers(self, track: Track, step: int) -> Peers:
        if self.timeline is None:
            return self._those(EVERYTHING, track, math.inf)
        return self._those(self.timeline.at(track, step), track, track.run.began)

    def _those(self, known: tuple[float, float], but: Track | None, began: float) -> Peers:
        others = [track for track in self.tracks.values() if track is not but]

        def courses(before: float, at: float) -> Iterable[Course]:
            if self.timeline is None:
                return [track.latest for track in others]
            return visible(others, before, at)

        number = -1 if but is None else but.number
        return KnownPeers(self._board, self.timeline, known, number, courses, began)


EVERYTHING = (math.inf, math.inf)
"""What a decision knows that follows no virtual time."""
