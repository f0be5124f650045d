"""On a Ray cluster: a small window for each worker, cheap jobs travel together.

What is lost with a worker runs again, alone; whose fault it was is ``nas.executors.blame``'s.
"""

from __future__ import annotations

import itertools
import time
import uuid
from collections import deque
from collections.abc import Sequence
from typing import Any

import ray  # noqa: TID253 - nothing imports this module before it is needed
from ray.exceptions import RayActorError, RayError  # noqa: TID253 - as above

from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluator
from nas.errors import StudyError
from nas.executors import ray_cluster
from nas.executors.batches import CALL_SECONDS, Batches
from nas.executors.blame import DEATHS, Blame
from nas.executors.checkpoints import Checkpoints
from nas.executors.clock import unix_time
from nas.executors.environment import outfit
from nas.executors.hearing import PREEMPTED, Listener
from nas.executors.jobs import Finished, Job, Outcome, Setup
from nas.executors.limits import Limits, check_limits
from nas.executors.packing import pack_call, unpack_outcomes
from nas.executors.protocol import ExecutorState
from nas.executors.ray_answers import answers, fetcher, gather, kind_of, reason_of
from nas.executors.ray_deadlines import all_ask, overdue, seconds_left
from nas.executors.ray_desk import Desk, desk_of
from nas.executors.ray_hello import read_hello
from nas.executors.ray_keeper import reached_from_afar
from nas.executors.ray_late import Late
from nas.executors.ray_pool import Call, Member, Pool
from nas.executors.ray_suspects import Suspects
from nas.incident import Incident
from nas.trial import Failure

GRACE = 0.5
"""Seconds beyond a trial's time limit that the way there and back may take."""


class RayExecutor:
    """A pool of workers, sized by what the cluster has and one evaluation needs.

    Args:
        setup: what all jobs share.
        data: put into the object store once, or None.
        evaluator: declares what one evaluation occupies.
        workers: at most so many; None is as many as fit.
        address: of a cluster; None starts a local Ray.
        limits: what one trial may use.
        checkpoints: where evaluations keep snapshots on this machine, or None.
        ship: distributions that are sent to the workers.

    Raises:
        ConfigError: one of ``ship`` that cannot be sent.
        StudyError: no cluster at the address, or no room in it for a single evaluation.
    """

    def __init__(
        self,
        setup: Setup,
        data: SearchData | None,
        evaluator: Evaluator,
        workers: int | None = None,
        address: str | None = None,
        limits: Limits | None = None,
        checkpoints: Checkpoints | None = None,
        ship: Sequence[str] = (),
    ) -> None:
        self._limits = limits or Limits()
        check_limits(self._limits, inline=False)
        self._incidents: list[Incident] = []
        self._waiting: deque[Job] = deque()
        self._alone: deque[Job] = deque()
        self._blame = Blame(self._incidents.append)
        self._batches = Batches()
        self._numbers = itertools.count()
        self._weights = True
        self._required, parcels = outfit(setup.versions, ship)
        self._started_ray = ray_cluster.connect(address, evaluator, workers)
        try:
            stored = ray.put(data) if data is not None else None
            kept = reached_from_afar(checkpoints) if checkpoints else None
            mailbox = f"nas-{uuid.uuid4().hex}"
            built_with = ray.put((setup.to_json(), stored, self._limits.memory, kept, mailbox))
            arguments = (self._required, ray.put(parcels), [built_with])
            needs = ray_cluster.Needs.of(evaluator)
            self._pool = Pool(needs, workers, arguments, self._incidents.append)
            self._late = Late(self._pool, mailbox)
            self._desk = Desk(desk_of(mailbox))
            self._suspects = Suspects(self._limits.timeout)
        except BaseException:
            self._disconnect()
            raise
        self._where = address or "local"

    @property
    def workers(self) -> int:
        """How many jobs can run at once now."""
        return len(self._pool.members)

    @property
    def description(self) -> str:
        """Where jobs run, for people."""
        return f"ray ({self._where}): {self.workers} worker{'s' * (self.workers != 1)}"

    def now(self) -> float:
        """Return the Unix time."""
        return unix_time()

    def listen(self, listener: Listener) -> None:
        """Let it hear what jobs report, and answer what they ask."""
        self._desk.listener = listener

    def submit(self, job: Job) -> None:
        """Accept a job."""
        if job.asks is not None:
            self._desk.open(job.number)
        self._waiting.append(job)

    def wait(self, timeout: float) -> list[Finished]:
        """Return what has finished, as soon as anything has; nothing after ``timeout`` seconds.

        Raises:
            StudyError: no worker can start, a trial was lost too often with its machine, or the
                cluster is gone.
        """
        self._pool.refresh()
        self._desk.answer()
        self._dispatch()
        waiting = bool(self._waiting or self._alone)
        self._desk.make_room(waiting and all_ask(self._pool, self._desk))
        by_ref = {ref: member for member in self._pool.members for ref in member.awaited}
        refs = [*by_ref, *self._suspects.refs, *self._desk.refs]
        if not refs:
            time.sleep(timeout)
            return []
        ready = gather(refs, seconds_left(self._pool, timeout))
        finished = []
        for ref, answer in zip(ready, answers(ready), strict=True):
            if ref in by_ref:
                finished += self._collect(by_ref[ref], ref, answer)
            elif ref in self._desk.refs:
                self._desk.take(answer)
            else:
                finished += self._judge(ref, answer)
        self._end_overdue()
        finished += self._take_back(*self._late.relieve())
        self._dispatch()
        return finished

    def poll(self) -> list[Finished]:
        """Take in what workers say, and give them what they wait for; raises what ``wait`` does."""
        return self.wait(0.0)

    def incidents(self) -> list[Incident]:
        """Return what went wrong with the infrastructure since the last call."""
        new = list(self._incidents)
        self._incidents.clear()
        return new

    def state(self) -> ExecutorState:
        """Return what runs where, and if nothing can run, why."""
        waiting = len(self._waiting) + len(self._alone)
        return ExecutorState(self.workers, self._pool.running(), waiting, self._pool.stuck)

    def stop(self) -> None:
        """Kill the workers with what they run, and a local Ray with them."""
        self._waiting.clear()
        self._alone.clear()
        self._pool.stop()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._started_ray:
            ray.shutdown()
            self._started_ray = False

    def _dispatch(self) -> None:
        while self._alone or self._waiting:
            count = self._batches.jobs(len(self._waiting), self.workers)
            # a call with a deadline waits behind no other: its time runs from when it is sent
            lonely = self._alone or self._limits.timeout is not None
            window = 1 if lonely else self._batches.calls(count)
            free = [member for member in self._pool.members if member.takes(window)]
            if not free:
                return
            member = min(free, key=lambda member: len(member.calls))
            if self._alone:
                self._call(member, [self._alone.popleft()], alone=True)
            else:
                jobs = [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]
                self._call(member, jobs, alone=window == 1)

    def _call(self, member: Member, jobs: list[Job], *, alone: bool) -> None:
        number = next(self._numbers)
        packed = pack_call(number, jobs)
        if self._weights:
            outcomes, weights = member.actor.run.remote(packed)
        else:
            outcomes, weights = member.actor.run_whole.remote(packed), None
        limit = self._limits.timeout
        deadline = None if limit is None else time.monotonic() + limit + CALL_SECONDS + GRACE
        member.calls[outcomes] = Call(number, jobs, weights, alone, time.time(), deadline)

    def _collect(self, member: Member, ref: Any, answer: Any) -> list[Finished]:
        if member not in self._pool.members:  # died with an earlier reference
            return []
        if isinstance(answer, RayError):
            return self._bury(member, ref, answer)
        if ref is member.hello:
            self._welcome(member, answer)
            return []
        if ref not in member.calls:  # was called back
            return []
        return self._bring_in(member, ref, answer)

    def _bring_in(self, member: Member, ref: Any, answer: Any) -> list[Finished]:
        call = member.calls[ref]
        weights: dict[int, bytes] | None = None
        if isinstance(answer, tuple):
            answer, weights = answer
        outcomes = unpack_outcomes(answer)
        posted: list[Finished] = []
        if len(outcomes) < len(call.jobs):
            posted = self._take_back(*self._late.read())
        del member.calls[ref]
        known = {outcome.number for outcome in outcomes}
        # a mailbox may be lost with what was in it
        self._alone.extend(job for job in call.jobs if job.number not in known)
        sent_away = {outcome.number for outcome in outcomes if outcome.ended == PREEMPTED}
        self._waiting.extend(job for job in call.jobs if job.number in sent_away)
        outcomes = [outcome for outcome in outcomes if outcome.number not in sent_away]
        for outcome in outcomes:
            self._batches.learn(outcome.seconds)
        self._weights = any(outcome.weight_bytes for outcome in outcomes)
        lost = self._incidents.append
        return [*posted, *(Finished(o, fetcher(o, call.weights, weights, lost)) for o in outcomes)]

    def _take_back(self, finished: list[Finished], jobs: list[Job]) -> list[Finished]:
        """Let other workers have jobs that stand behind a slow one."""
        self._waiting.extendleft(reversed(jobs))
        return finished

    def _welcome(self, member: Member, packed: str) -> None:
        hello = read_hello(packed, self._required)
        if hello.problem:
            self._pool.refuse(member, hello)
        else:
            member.where = hello.where

    def _bury(self, member: Member, ref: Any, error: RayError) -> list[Finished]:
        """Replace a dead worker, and see whose fault it was."""
        if isinstance(error, RayActorError) and error.actor_init_failed:
            raise StudyError(f"a worker could not start: {error}") from None
        call = member.calls.get(ref)
        with_node = not self._pool.alive(member.node)
        self._pool.lost(member)
        reason = reason_of(error)
        if call is None or not call.alone or len(call.jobs) > 1 or with_node:
            for lost in member.calls.values():
                self._again(lost.jobs, member, reason, with_node=with_node)
            return []
        (job,) = call.jobs
        if not self._blame.convicts(job):
            self._again([job], member, reason, with_node=False)
            return []
        failure = Failure(kind_of(error), f"its worker process died {DEATHS} times: {reason}")
        return [Finished(Outcome(job.number, failure=failure, worker=member.where))]

    def _again(self, jobs: list[Job], member: Member, reason: str, *, with_node: bool) -> None:
        """Run jobs once more, alone; a machine's failures are never charged to a candidate."""
        kind, where = "node" if with_node else "worker", member.where or member.node.host
        for job in jobs:
            self._desk.forget(job.number)
            self._blame.acquit(job, kind, where, reason)
        self._alone.extend(jobs)

    def _end_overdue(self) -> None:
        """Kill workers whose call has taken too long; a single job has had its time."""
        for member, call in overdue(self._pool, self._desk):
            self._pool.kill(member)
            if len(call.jobs) > 1:
                self._alone.extend(call.jobs)
            else:
                self._suspects.ask(member, call)

    def _judge(self, ref: Any, answer: Any) -> list[Finished]:
        suspect = self._suspects.answered(ref)
        if not isinstance(answer, RayError):
            return [Finished(suspect.outcome)]
        self._blame.acquit(suspect.job, "node", suspect.where, reason_of(answer))
        self._alone.append(suspect.job)
        return []
