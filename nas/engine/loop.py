"""The loop: propose, run, archive, tell. Short enough to read aloud.

Resume is replay: a trial that the archive holds is proposed again, and answered by the archive.
What a strategy knows at each proposal is ``nas.engine.order``'s business.
"""

from __future__ import annotations

import logging
from contextlib import nullcontext

from nas.abstract.strategy import Proposal
from nas.archive.record import Record
from nas.archive.writer import Writer
from nas.engine import trials
from nas.engine.assembly import Assembly
from nas.engine.attention import Attention
from nas.engine.candidate import Candidate
from nas.engine.display import Display
from nas.engine.flights import Flights
from nas.engine.infeasible import InfeasibleRun
from nas.engine.interrupts import Interrupts
from nas.engine.meter import Meter
from nas.engine.order import Order
from nas.engine.past import Past
from nas.engine.progress import Observer, Plan, Reason
from nas.engine.proposer import Proposer
from nas.engine.proxy_scorer import ProxyMemory
from nas.engine.pulse import Pulse
from nas.engine.referee import Referee
from nas.engine.replay import Replay, Rerun, check
from nas.engine.reuse import Reuse
from nas.engine.telling import Telling
from nas.engine.trials import Protocols
from nas.errors import NASError
from nas.executors.checkpoints import CheckpointFolder
from nas.executors.jobs import Finished
from nas.executors.protocol import Executor
from nas.study import Study
from nas.trial import Status, Trial

log = logging.getLogger(__name__)

WAIT = 0.5
"""Seconds after which an observer hears of the search even if nothing has finished."""


class Loop:
    """One session of a study.

    Args:
        study: as archived.
        parts: everything it is made of.
        writer: the archive's only writer.
        proposer: where candidates come from.
        order: when the strategy is told what.
        reuse: finds earlier evaluations; None if every trial is to be evaluated.
        snapshots: of trials in flight; None if the evaluator keeps none.
        protocols: of what earlier studies have measured that is compared with this one's trials.
        referee: decides on running trials; None if every trial has its full budget.
        memory: what the proposer's proxies compute; None if it has none.
    """

    def __init__(
        self,
        study: Study,
        parts: Assembly,
        writer: Writer,
        proposer: Proposer,
        order: Order,
        reuse: Reuse | None,
        snapshots: CheckpointFolder | None,
        protocols: Protocols,
        referee: Referee | None = None,
        memory: ProxyMemory | None = None,
    ) -> None:
        self._study, self._parts = study, parts
        self._writer, self._proposer = writer, proposer
        self._order, self._reuse, self._snapshots = order, reuse, snapshots
        self._earlier, self._rerun = Replay(writer.finished(study)), Rerun()
        self._referee, self._memory = referee, memory
        guard = trials.ProtocolGuard({**protocols, **writer.protocols(study)})
        self._flights = Flights(study, parts, guard, referee, snapshots)
        self._settled: list[Record] = []
        self._infeasible = InfeasibleRun(parts.goals)
        self._next, self._counted, self._exhausted = 0, 0, ""

    def run(
        self, executor: Executor, plan: Plan, observer: Observer | None, interrupts: Interrupts
    ) -> Reason:
        """Run until the study ends or the user stops it."""
        self._executor, self._plan, self._observer = executor, plan, observer
        self._flights.executor = executor
        if self._referee:
            executor.listen(self._referee)
        self._meter = Meter(plan, self._writer.spent(self._study), executor.now)
        known = self._writer.incidents_by_trial(self._study) if plan.simulated else {}
        self._pulse = Pulse(self._study, self._writer, executor, self._meter, known)
        pauses = self._parts.strategy.pauses
        self._telling = Telling(self._proposer, self._referee, pauses, plan.stop_budget)
        to_show = (self._proposer, self._flights, self._meter, self._pulse, self._telling)
        self._display = Display(observer, self._study, self._writer, *to_show)
        if self._memory:
            self._memory.attend = Attention(executor, interrupts, self._arrived)
        self._proposer.watch = self._display.warming_up
        self._proposer.begin(self._parts.problem(self._study.seed))
        self._parts.plugins.tell("nas_study_started", study=self._study)
        if observer:
            observer.started(self._study, plan)
        interrupts.begin()
        try:
            reason = self._until_done(interrupts)
        except KeyboardInterrupt:
            reason = Reason("interrupted", "interrupted")
        except BaseException as error:
            self._fail(error)
            raise
        self._finish(reason)
        return reason

    def _until_done(self, interrupts: Interrupts) -> Reason:
        while True:
            self._propose(interrupts)
            if not self._flights:
                return Reason(self._why_done())
            with interrupts.allowed():
                finished = self._executor.wait(WAIT)
            self._arrived(finished)

    def _arrived(self, finished: list[Finished]) -> None:
        """Archive what workers have finished."""
        self._archive([self._flights.record(item) for item in finished])
        self._pulse.look()

    def _propose(self, interrupts: Interrupts) -> None:
        """Propose and submit as long as order and budget allow; paused trials go first."""
        while not self._meter.out_of_time and (self._referee or self._wants_more()):
            if len(self._settled) >= self._order.together:
                self._archive([])
            due = self._order.due(self._next, len(self._flights))
            if due is None and not self._settled:
                return
            if due is None:
                self._archive([])
                continue
            self._telling.tell(due)
            if self._promote():
                continue
            if self._wants_more():
                self._propose_one(interrupts)
            elif (ended := self._order.next_end()) is not None:
                self._telling.tell(ended)  # with which another one may be promoted
            else:
                return

    def _propose_one(self, interrupts: Interrupts) -> None:
        # Scoring takes its time, and nothing of it can be lost.
        with interrupts.allowed() if self._proposer.scores else nullcontext():
            candidate = self._proposer.propose(self._next)
        if candidate is None:
            self._exhausted = "every architecture that the space has left was evaluated"
        else:
            self._take(candidate)

    def _promote(self) -> bool:
        """Let a paused trial go on, if the scheduler says so."""
        if self._referee is None or not self._order.settled(self._next) or self._telling.spent:
            return False
        promotion = self._referee.promote(self._parts.strategy, self._wants_more())
        if promotion is None:
            return False
        if (ended := self._flights.resume(promotion)) is not None:
            self._answer(ended)
        return True

    def _wants_more(self) -> bool:
        if self._exhausted or self._meter.out_of_time or self._telling.spent:
            return False
        return not (self._plan.stop_trials and self._counted >= self._plan.stop_trials)

    def _take(self, candidate: Candidate) -> None:
        """Give the next number to a candidate: answered by the archive, turned away, or run."""
        number, self._next = self._next, self._next + 1
        infeasible = self._infeasible.counts(candidate)
        self._counted += not infeasible
        self._retire(candidate.proposal, number)
        earlier = self._earlier.take(number)
        if earlier is not None:
            check(earlier, candidate, self._proposer)
        if earlier is not None and self._plan.simulated:
            self._rerun.expect(earlier)
            earlier = None
        if earlier is not None:
            self._answer(self._replayed(earlier, candidate))
        elif (settled := self._settle(candidate, number, infeasible=infeasible)) is not None:
            self._settled.append(settled)
        else:
            self._flights.submit(candidate, number, self._order.told())
        self._exhausted = self._infeasible.reason

    def _retire(self, proposal: Proposal, by: int) -> None:
        """End a paused trial, if there is one whose place another takes."""
        if proposal.replaces is None:
            return
        retired = self._flights.retire(proposal.replaces, by, proposal.reason)
        if isinstance(retired, Trial):
            self._answer(retired)
        else:
            self._settled.append(retired)

    def _settle(self, candidate: Candidate, number: int, *, infeasible: bool) -> Record | None:
        """Return the record of a trial that needs no worker."""
        space, told = self._parts.space, self._order.told()
        if infeasible or candidate.failure:
            return trials.turned_away(candidate, number, space, told)
        alone = candidate.proposal.inherits is None and not candidate.proposal.repeat
        earlier = self._reuse.find(candidate) if self._reuse and alone else None
        if earlier is None:
            return None
        self._meter.reused += 1
        budget = self._parts.evaluator.budget
        return trials.reused(earlier, candidate, number, space, self._parts.goals, budget, told)

    def _replayed(self, earlier: Trial, candidate: Candidate) -> Trial:
        """Return the trial as its first run has left it; the referee hears what it reported."""
        found = self._writer.past(earlier) if self._referee else None
        if found is None:
            return earlier
        past = Past(earlier, self._parts.measured, *found)
        return self._flights.answer(candidate, earlier.number, self._order.told(), past)

    def _answer(self, trial: Trial) -> None:
        """Take the result of an earlier session."""
        self._forget_snapshot(trial)
        if self._referee:
            self._referee.ended(trial)
        self._order.answered(trial)
        self._meter.answered(trial)

    def _archive(self, records: list[Record]) -> None:
        """Make trials durable, then let everyone know: events, then whoever watches."""
        records = self._settled + records
        self._settled = []
        new = self._rerun.new(records)
        recorded = self._writer.record(self._study, new) if new else None
        archived = recorded.trials if recorded else ()
        ended = self._rerun.ended(records, archived)
        for trial in ended:
            self._forget_snapshot(trial)
            if self._referee:
                self._referee.ended(trial)
            self._order.ended(trial)
        self._meter.ended(ended)
        shown = [i for i, trial in enumerate(archived) if trial.status is not Status.PAUSED]
        archived = tuple(archived[i] for i in shown)
        if recorded:
            plugins = self._parts.plugins
            events = [{"study": self._study, "trial": trial} for trial in archived]
            plugins.tell_all("nas_trial_finished", events)
            if recorded.front_changed:
                plugins.tell("nas_front_changed", study=self._study, front=recorded.front)
        self._display.show(archived, [new[i].worker for i in shown])

    def _forget_snapshot(self, trial: Trial) -> None:
        """A cancelled or paused trial goes on from it."""
        if self._snapshots and trial.status not in (Status.CANCELLED, Status.PAUSED):
            self._snapshots.remove(trial.number)

    def _why_done(self) -> str:
        self._archive([])
        self._telling.tell(self._order.rest())
        self._telling.check_end()
        if self._exhausted:
            return self._exhausted
        if self._plan.stop_trials and self._counted >= self._plan.stop_trials:
            return f"{self._meter.done} trials are done"
        if self._telling.spent:
            return f"a budget of {self._plan.stop_budget} is spent"
        return f"{self._plan.stop_seconds:g} seconds are over"

    def _fail(self, error: BaseException) -> None:
        """End as well as it can be done: what went wrong first is what the user should hear of."""
        known = str(error) if isinstance(error, NASError) else "stopped by an error"
        try:
            self._finish(Reason(known, "failed"))
        except NASError as second:
            log.info("the end of the session could not be archived: %s", second)

    def _finish(self, reason: Reason) -> None:
        """Stop what runs, record it as cancelled, close the session."""
        if self._plan.simulated:
            self._pulse.beat()  # how far its time has come
        self._executor.stop()
        self._pulse.keep_incidents()
        stopped = self._flights.cancelled(lambda number: number in self._rerun)
        self._archive(stopped)
        self._writer.close_session(self._study, reason.status, reason.text)
        self._parts.plugins.tell("nas_study_finished", study=self._study, reason=reason.text)
        if self._observer:
            self._observer.finished(self._study, reason.text)
