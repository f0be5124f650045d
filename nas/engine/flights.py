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
    """

    started: Started
    resumed: bool


class Flights:
    """What has been given to the executor, and what is paused.

    Args:
        study: as archived.
        parts: everything it is made of.
        guard: refuses numbers that were measured differently.
        referee: decides on running trials; None if every trial has its full budget.
    """

    def __init__(
        self, study: Study, parts: Assembly, guard: ProtocolGuard, referee: Referee | None
    ) -> None:
        self._study, self._parts, self._guard = study, parts, guard
        self._referee = referee
        self._running: dict[int, _Running] = {}
        self._paused: dict[int, Started] = {}
        self._past: dict[int, Past] = {}
        self.executor: Executor

    def __len__(self) -> int:
        return len(self._running)

    def submit(self, candidate: Candidate, number: int, told: int | None) -> None:
        """Let a new trial begin."""
        architecture = candidate.proposal.architecture
        seed = trials.trial_seed(self._study.seed, number)
        job = Job(number, architecture, self._parts.evaluator.budget, seed)
        self._start(Started(candidate, job, told), resumed=False)

    def answer(self, candidate: Candidate, number: int, told: int | None, past: Past) -> Trial:
        """Let a trial that the archive holds run again without a worker.

        Returns:
            How its first run ended.
        """
        assert self._referee is not None
        architecture = candidate.proposal.architecture
        job = Job(number, architecture, self._parts.evaluator.budget, past.trial.seed)
        self._past[number] = past
        ended = self._again(Started(candidate, job, told), None)
        assert ended is not None
        return ended

    def resume(self, promotion: Promotion) -> Trial | None:
        """Let a paused trial go on; returns how its run has ended, if the archive knows."""
        started = self._paused.pop(promotion.number)
        if promotion.number in self._past:
            return self._again(started, promotion.until)
        self._start(started, resumed=True, until=promotion.until)
        return None

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
        record = trials.ruled(record, finished.outcome.ended, rulings)
        if record.trial.status is Status.PAUSED:
            self._paused[number] = running.started
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

    def _start(self, started: Started, *, resumed: bool, until: int | None = None) -> None:
        number = started.job.number
        if self._referee is not None:
            asks = self._referee.begin(number, started.candidate.analytic, until)
            started = replace(started, job=replace(started.job, asks=asks))
        self._running[number] = _Running(started, resumed)
        self.executor.submit(started.job)

    def _again(self, started: Started, until: int | None) -> Trial | None:
        assert self._referee is not None
        number = started.job.number
        past = self._past[number]
        if past.over:
            del self._past[number]
            self._start(started, resumed=True, until=until)
            return None
        self._referee.begin(number, started.candidate.analytic, until)
        ended = past.next_run(self._referee.tracks[number])
        while ended.status is Status.PAUSED and not past.over and self._referee.timeline is None:
            self._referee.ended(ended)
            self._referee.begin(number, started.candidate.analytic)
            ended = past.next_run(self._referee.tracks[number])
        if ended.status is Status.PAUSED:
            self._paused[number] = started
        else:
            del self._past[number]
        return ended
