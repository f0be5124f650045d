"""The loop: propose, run, archive, tell. Short enough to read aloud.

Determinism: proposal k is made knowing exactly the results of trials 0 to k - window, told in the
order of their numbers. What finishes earlier waits to be told; it is archived at once all the same.
Resume is replay: a trial that the archive holds is proposed again, and answered by the archive.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from nas.abstract.strategy import Problem
from nas.archive.record import Record
from nas.archive.writer import Writer
from nas.engine import trials
from nas.engine.assembly import Assembly
from nas.engine.interrupts import Interrupts
from nas.engine.progress import Observer, Plan, Progress
from nas.engine.proposer import Candidate, Proposer
from nas.engine.same_failure import SameFailure
from nas.engine.trials import Started
from nas.errors import NASError
from nas.executors.jobs import Finished, Job
from nas.executors.protocol import Executor
from nas.study import Study
from nas.trial import Status, Trial

log = logging.getLogger(__name__)

INFEASIBLE_IN_A_ROW = 2_000
"""A study stops when so many candidates in a row broke their bounds."""
HEARTBEAT = 0.5
"""Seconds after which an observer hears of the search even if nothing has finished."""


@dataclass(frozen=True)
class Reason:
    """Why a session ended, in words."""

    text: str
    status: Literal["finished", "interrupted", "failed"] = "finished"


class Loop:
    """One session of a study.

    Args:
        study: as archived.
        parts: everything it is made of.
        writer: the archive's only writer.
        proposer: where candidates come from.
    """

    def __init__(self, study: Study, parts: Assembly, writer: Writer, proposer: Proposer) -> None:
        self._study, self._parts = study, parts
        self._writer, self._proposer = writer, proposer
        self._archived = dict(writer.finished(study))
        self._results: dict[int, Trial] = {}
        self._running: dict[int, Started] = {}
        self._turned_away: list[Record] = []
        self._guard = trials.ProtocolGuard()
        for metric, protocol in writer.protocols(study).items():
            self._guard.expect(metric, protocol)
        self._next, self._told, self._counted, self._infeasible_run = 0, 0, 0, 0
        self._exhausted = ""
        self._same_failure = SameFailure()
        self._failed: Counter[str] = Counter()
        self._done = 0
        self.resumed = len(self._archived)

    def run(self, executor: Executor, plan: Plan, observer: Observer | None) -> Reason:
        """Run until the study ends or the user stops it."""
        self._executor, self._plan, self._observer = executor, plan, observer
        self._began = time.monotonic()
        self._parts.strategy.start(Problem(self._parts.space, self._parts.goals, self._study.seed))
        self._parts.plugins.tell("nas_study_started", study=self._study)
        if observer:
            observer.started(self._study, plan)
        reason = Reason("stopped by an error", "failed")
        with Interrupts() as interrupts:
            try:
                reason = self._until_done(interrupts)
            except KeyboardInterrupt:
                reason = Reason("interrupted", "interrupted")
            except NASError as error:
                reason = Reason(str(error), "failed")
                raise
            finally:
                self._finish(reason)
        return reason

    def _until_done(self, interrupts: Interrupts) -> Reason:
        while True:
            self._propose()
            if not self._running:
                return Reason(self._why_done())
            with interrupts.allowed():
                finished = self._executor.wait(HEARTBEAT)
            self._archive([self._record(item) for item in finished])

    def _propose(self) -> None:
        """Propose and submit as long as the window and the budget allow."""
        while self._wants_more():
            while self._told < self._next - self._study.window + 1:
                if self._told not in self._results:
                    if not self._turned_away:
                        return
                    self._archive([])
                else:
                    self._tell(self._results.pop(self._told))
            candidate = self._proposer.propose(self._next)
            if candidate is None:
                self._exhausted = "every architecture that the space has left was evaluated"
                return
            self._take(candidate)

    def _wants_more(self) -> bool:
        stop = self._plan
        if self._exhausted or (stop.stop_trials and self._counted >= stop.stop_trials):
            return False
        return not (stop.stop_seconds and time.monotonic() - self._began >= stop.stop_seconds)

    def _take(self, candidate: Candidate) -> None:
        """Give the next number to a candidate: answered by the archive, turned away, or run."""
        number = self._next
        self._next += 1
        infeasible = candidate.violation > 0 and candidate.failure is None
        self._infeasible_run = self._infeasible_run + 1 if infeasible else 0
        self._counted += not infeasible
        if number in self._archived:
            self._answer(number, candidate)
        elif infeasible or candidate.failure:
            self._turned_away.append(trials.turned_away(candidate, number, self._parts.space))
        else:
            decisions = candidate.proposal.architecture.to_dict()
            seed = trials.trial_seed(self._study.seed, number)
            job = Job(number, decisions, self._parts.evaluator.budget, seed)
            self._running[number] = Started(candidate, job)
            self._executor.submit(job)
        if self._infeasible_run >= INFEASIBLE_IN_A_ROW:
            bounds = ", ".join(goal.bound() for goal in self._parts.goals if goal.bound())
            self._exhausted = f"{self._infeasible_run} candidates in a row broke a bound ({bounds})"

    def _answer(self, number: int, candidate: Candidate) -> None:
        """Take the result of an earlier session."""
        trial = self._archived.pop(number)
        if trial.architecture != candidate.proposal.architecture:
            log.warning(
                "trial %d is %s in the archive, but %s was proposed now; the archive is right "
                "(has a plugin changed since?)",
                number,
                trial.architecture,
                candidate.proposal.architecture,
            )
            self._proposer.know(self._proposer.look_at(trial.architecture, trial.parents))
        self._results[number] = trial
        self._count(trial)

    def _record(self, finished: Finished) -> Record:
        return trials.evaluated(
            self._guard.check(finished),
            self._running.pop(finished.outcome.number),
            self._parts.space,
            self._parts.goals,
        )

    def _archive(self, records: list[Record]) -> None:
        """Make trials durable, then let everyone know: events, then whoever watches."""
        records = self._turned_away + records
        self._turned_away = []
        recorded = self._writer.record(self._study, records) if records else None
        for trial in recorded.trials if recorded else ():
            self._results[trial.number] = trial
            self._count(trial)
            self._parts.plugins.tell("nas_trial_finished", study=self._study, trial=trial)
        if recorded and recorded.front_changed:
            self._parts.plugins.tell("nas_front_changed", study=self._study, front=recorded.front)
        self._show(list(recorded.trials) if recorded else [])

    def _count(self, trial: Trial) -> None:
        self._done += trial.status in (Status.COMPLETE, Status.FAILED)
        if trial.failure:
            self._failed[trial.failure.kind] += 1

    def _tell(self, trial: Trial) -> None:
        self._told += 1
        self._parts.strategy.tell(trial)
        self._proposer.tell(trial)
        self._same_failure.tell(trial)

    def _why_done(self) -> str:
        self._archive([])
        for number in sorted(self._results):
            self._tell(self._results.pop(number))
        self._same_failure.check_end()
        if self._exhausted:
            return self._exhausted
        if self._plan.stop_trials and self._counted >= self._plan.stop_trials:
            return f"{self._done} trials are done"
        return f"{self._plan.stop_seconds:g} seconds are over"

    def _show(self, new: list[Trial]) -> None:
        if self._observer is None:
            return
        seconds = time.monotonic() - self._began
        self._observer.progress(
            Progress(
                new=new,
                done=self._done,
                failed=dict(self._failed),
                turned_away=dict(self._proposer.turned_away),
                running=len(self._running),
                seconds=seconds,
                seconds_left=self._seconds_left(seconds),
                front=self._writer.front(self._study),
            )
        )

    def _seconds_left(self, seconds: float) -> float | None:
        left = []
        fresh = self._done - self.resumed
        if self._plan.stop_trials and fresh > 0:
            left.append((self._plan.stop_trials - self._done) * seconds / fresh)
        if self._plan.stop_seconds:
            left.append(self._plan.stop_seconds - seconds)
        return max(0.0, min(left)) if left else None

    def _finish(self, reason: Reason) -> None:
        """Stop what runs, record it as cancelled, close the session."""
        self._executor.stop()
        stopped = [
            trials.cancelled(started, self._parts.space)
            for _, started in sorted(self._running.items())
        ]
        self._running.clear()
        self._archive(stopped)
        self._writer.close_session(self._study, reason.status, reason.text)
        self._parts.plugins.tell("nas_study_finished", study=self._study, reason=reason.text)
        if self._observer:
            self._observer.finished(self._study, reason.text)
