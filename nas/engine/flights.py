"""Trials in flight: from candidates to jobs, from outcomes to records; paused ones wait here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from nas.abstract.scheduler import Promotion
from nas.archive.record import Record
from nas.engine import trials
from nas.engine.assembly import Assembly
from nas.engine.candidate import Candidate
from nas.engine.past import Past
from nas.engine.referee import Referee
from nas.engine.trials import ProtocolGuard, Started
from nas.errors import PluginError
from nas.executors.checkpoints import CheckpointFolder
from nas.executors.jobs import Finished, Job
from nas.executors.protocol import Executor
from nas.study import Study
from nas.trial import Status, Trial


@dataclass(frozen=True)
class _Running:
    """A run of a trial.

    Args:
        started: the trial.
        resumed: whether it was paused before.
        seconds: that its earlier runs took.
    """

    started: Started
    resumed: bool
    seconds: float


@dataclass(frozen=True)
class _Paused:
    """A trial that may go on.

    Args:
        started: the trial.
        record: as it was archived; None if that was in an earlier session.
    """

    started: Started
    record: Record | None


class Flights:
    """What has been given to the executor, and what is paused.

    Args:
        study: as archived.
        parts: everything it is made of.
        guard: refuses numbers that were measured differently.
        referee: decides on running trials; None if every trial has its full budget.
        snapshots: of trials, or None if none are kept.
    """

    def __init__(
        self,
        study: Study,
        parts: Assembly,
        guard: ProtocolGuard,
        referee: Referee | None,
        snapshots: CheckpointFolder | None,
    ) -> None:
        self._snapshots = snapshots
        self._study, self._parts, self._guard = study, parts, guard
        self._referee = referee
        self._running: dict[int, _Running] = {}
        self._paused: dict[int, _Paused] = {}
        self._past: dict[int, Past] = {}
        self._seconds: dict[int, float] = {}
        """Wall time of the runs of trials that have paused."""
        self.executor: Executor

    def __len__(self) -> int:
        return len(self._running)

    def submit(self, candidate: Candidate, number: int, told: int | None) -> None:
        """Let a new trial begin."""
        seed = trials.trial_seed(self._study.seed, number, candidate.proposal.repeat)
        job = self._job(candidate, number, seed)
        if job.inherits is not None and self._snapshots is not None:
            self._snapshots.copy(job.inherits.number, number)
        self._start(Started(candidate, job, told), candidate.proposal.until, resumed=False)

    def answer(self, candidate: Candidate, number: int, told: int | None, past: Past) -> Trial:
        """Let a trial that the archive holds run again without a worker.

        Returns:
            How its first run ended.
        """
        self._past[number] = past
        job = self._job(candidate, number, past.trial.seed)
        ended = self._again(Started(candidate, job, told), candidate.proposal.until)
        assert ended is not None
        return ended

    def resume(self, promotion: Promotion) -> Trial | None:
        """Let a paused trial go on; returns how its run has ended, if the archive knows."""
        started = self._paused.pop(promotion.number).started
        if promotion.number in self._past:
            return self._again(started, promotion.until)
        self._start(started, promotion.until, resumed=True)
        return None

    def retire(self, number: int, by: int, reason: str) -> Record | Trial:
        """End a paused trial whose place another one takes; a trial if it is archived as such."""
        assert self._referee is not None
        rulings = self._referee.replace(number, by, reason)
        paused = self._paused.pop(number)
        past = self._past.pop(number, None)
        if past is not None and not past.over:
            return past.trial
        record = paused.record
        if record is None:
            assert past is not None
            record = trials.again(paused.started, past.trial, past.curve, self._parts.space)
        trial = replace(record.trial, status=Status.STOPPED)
        return replace(record, trial=trial, rulings=rulings)

    def record(self, finished: Finished) -> Record:
        """Return the record of a run that has ended."""
        number, space = finished.outcome.number, self._parts.space
        running = self._running.pop(number)
        record = trials.evaluated(
            self._guard.check(finished), running.started, space, self._parts.goals
        )
        if self._referee is None:
            return record
        rulings = self._referee.rulings(number)
        before = running.seconds
        record = trials.ruled(record, finished.outcome.ended, rulings, before)
        if record.trial.status is Status.PAUSED:
            self._paused[number] = _Paused(running.started, record)
            self._seconds[number] = record.trial.seconds
        return record

    def cancelled(self, rerun: Callable[[int], bool]) -> list[Record]:
        """Return the records of what runs, and forget it; paused trials are archived as such.

        Args:
            rerun: whether a trial is in the archive already, and only ran again.
        """
        stopped = [
            trials.cancelled(running.started, self._parts.space)
            for number, running in sorted(self._running.items())
            if not running.resumed and not rerun(number)
        ]
        self._running.clear()
        return stopped

    def _job(self, candidate: Candidate, number: int, seed: int) -> Job:
        proposal, inherits = candidate.proposal, None
        if proposal.inherits is not None:
            parent = self._paused.get(proposal.inherits)
            if parent is None:
                raise PluginError(
                    f"trial {number} is to inherit from trial {proposal.inherits}, which is not "
                    "paused"
                )
            inherits = replace(parent.started.job, asks=None, inherits=None)
            network = self._parts.space.network_of
            if network(proposal.architecture) != network(inherits.architecture):
                raise PluginError(
                    f"trial {number} is to inherit from trial {proposal.inherits}, whose network "
                    f"is another one: {network(inherits.architecture)!r}"
                )
        budget = self._parts.evaluator.budget
        return Job(number, proposal.architecture, budget, seed, inherits=inherits)

    def _start(self, started: Started, until: int | None, *, resumed: bool) -> None:
        number = started.job.number
        if self._referee is not None:
            asks = self._begin(started, until)
            started = replace(started, job=replace(started.job, asks=asks))
        self._running[number] = _Running(started, resumed, self._seconds.get(number, 0.0))
        self.executor.submit(started.job)

    def _begin(self, started: Started, until: int | None) -> tuple[int, ...]:
        assert self._referee is not None
        candidate, number = started.candidate, started.job.number
        return self._referee.begin(number, candidate.analytic, until, candidate.proposal.inherits)

    def _again(self, started: Started, until: int | None) -> Trial | None:
        assert self._referee is not None
        number = started.job.number
        past = self._past[number]
        if past.over:
            del self._past[number]
            self._start(started, until, resumed=True)
            return None
        self._begin(started, until)
        ended = past.next_run(self._referee.tracks[number])
        while ended.status is Status.PAUSED and not past.over and not self._referee.timeline:
            self._referee.ended(ended)
            self._begin(started, None)
            ended = past.next_run(self._referee.tracks[number])
        if ended.status is Status.PAUSED:
            self._paused[number] = _Paused(started, None)
            self._seconds[number] = past.trial.seconds
        else:
            del self._past[number]
        return ended
