"""On a Ray cluster: a small window for each worker, cheap jobs travel together.

What is lost with a worker runs again, alone; whose fault it was is ``nas.executors.blame``'s.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import ray  # noqa: TID253 - nothing imports this module before it is needed
from ray.exceptions import OutOfMemoryError, RayActorError, RayError  # noqa: TID253 - as above

from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluator
from nas.errors import StudyError
from nas.executors import ray_cluster
from nas.executors.blame import DEATHS, Blame
from nas.executors.jobs import Finished, Job, Outcome, Setup
from nas.executors.limits import Limits, check_limits, over_time
from nas.executors.packing import pack_jobs, unpack_outcomes
from nas.executors.protocol import ExecutorState, Running
from nas.executors.ray_actor import read_hello
from nas.executors.ray_pool import Call, Member, Pool
from nas.incident import Incident
from nas.trial import Failure

CALL_SECONDS = 0.03
"""Work to put into one call: a call costs about 0.3 ms, so 1 % is Ray's."""
CHEAP_SECONDS = 0.05
"""Jobs quicker than this are queued behind the running one, so that no worker waits for us."""
MOST_PER_CALL = 128
WINDOW = 2
"""Calls under way on one worker, at most; a call that fills it has the worker for itself."""
GRACE = 0.5
"""Seconds beyond a trial's time limit that the way there and back may take."""
LOW = "running low on memory"
"""What Ray says where it has ended a process for that."""
SHOWN = 100
"""Running trials that are listed for people."""


class RayExecutor:
    """A pool of workers, sized by what the cluster has and one evaluation needs.

    Args:
        setup: what all jobs share.
        data: put into the object store once, or None.
        evaluator: declares what one evaluation occupies.
        workers: at most so many; None is as many as fit.
        address: of a cluster; None starts a local Ray.
        limits: what one trial may use.

    Raises:
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
    ) -> None:
        self._limits = limits or Limits()
        check_limits(self._limits, inline=False)
        self._incidents: list[Incident] = []
        self._waiting: deque[Job] = deque()
        self._alone: deque[Job] = deque()
        self._blame = Blame(self._incidents.append)
        self._mean_seconds: float | None = None
        self._started_ray = ray_cluster.connect(address, evaluator, workers)
        try:
            stored = ray.put(data) if data is not None else None
            arguments = (setup.to_json(), stored, self._limits.memory)
            needs = ray_cluster.Needs.of(evaluator)
            self._pool = Pool(needs, workers, arguments, self._incidents.append)
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

    def submit(self, job: Job) -> None:
        """Accept a job."""
        self._waiting.append(job)

    def wait(self, timeout: float) -> list[Finished]:
        """Return what has finished, as soon as anything has; nothing after ``timeout`` seconds.

        Raises:
            StudyError: no worker can start, a trial was lost too often with its machine, or the
                cluster is gone.
        """
        self._pool.refresh()
        self._dispatch()
        by_ref = {ref: member for member in self._pool.members for ref in _awaited(member)}
        if not by_ref:
            time.sleep(timeout)
            return []
        refs = list(by_ref)
        ready, _ = ray.wait(refs, timeout=self._until_deadline(timeout))
        if ready:
            ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
        finished = [item for ref in ready for item in self._collect(by_ref[ref], ref)]
        finished += self._end_overdue()
        self._dispatch()
        return finished

    def incidents(self) -> list[Incident]:
        """Return what went wrong with the infrastructure since the last call."""
        new = list(self._incidents)
        self._incidents.clear()
        return new

    def state(self) -> ExecutorState:
        """Return what runs where, and if nothing can run, why."""
        running = [
            Running(job.number, member.where, call.since)
            for member in self._pool.members
            for call in member.calls.values()
            for job in call.jobs
        ]
        waiting = len(self._waiting) + len(self._alone)
        return ExecutorState(self.workers, tuple(running[:SHOWN]), waiting, self._pool.stuck)

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
            load = WINDOW if self._alone else WINDOW // self._window()
            free = [member for member in self._pool.members if member.takes(load, WINDOW)]
            if not free:
                return
            jobs = [self._alone.popleft()] if self._alone else self._next_jobs()
            self._call(min(free, key=lambda member: member.load), jobs, load)

    def _call(self, member: Member, jobs: list[Job], load: int) -> None:
        outcomes, weights = member.actor.run.options(num_returns=2).remote(pack_jobs(jobs))
        limit = self._limits.timeout
        deadline = None if limit is None else time.monotonic() + limit + CALL_SECONDS + GRACE
        member.calls[outcomes] = Call(jobs, weights, load, time.time(), deadline)
        member.load += load

    def _window(self) -> int:
        """A call with a deadline waits behind no other: its time runs from when it is sent."""
        cheap = self._mean_seconds is not None and self._mean_seconds < CHEAP_SECONDS
        return WINDOW if cheap and self._limits.timeout is None else 1

    def _next_jobs(self) -> list[Job]:
        """Return one call's jobs: a training job travels alone, cheap ones together."""
        fair_share = -(-len(self._waiting) // max(1, self.workers))
        count = 1
        if self._mean_seconds is not None:
            count = int(CALL_SECONDS / max(self._mean_seconds, 1e-6))
        count = max(1, min(count, fair_share, MOST_PER_CALL))
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def _until_deadline(self, timeout: float) -> float:
        deadlines = [
            call.deadline
            for member in self._pool.members
            for call in member.calls.values()
            if call.deadline is not None
        ]
        return max(0.0, min([timeout, *(d - time.monotonic() for d in deadlines)]))

    def _collect(self, member: Member, ref: Any) -> list[Finished]:
        if member not in self._pool.members:  # died with an earlier reference
            return []
        try:
            packed: str = ray.get(ref)
        except RayError as error:
            return self._bury(member, ref, error)
        if ref is member.hello:
            self._welcome(member, packed)
            return []
        call = member.calls.pop(ref)
        member.load -= call.load
        outcomes = unpack_outcomes(packed)
        for outcome in outcomes:
            self._learn(outcome.seconds)
        return [Finished(outcome, _fetcher(call.weights, outcome)) for outcome in outcomes]

    def _welcome(self, member: Member, packed: str) -> None:
        hello = read_hello(packed)
        if hello.problem:
            self._pool.refuse(member, hello)
        else:
            member.where = hello.where

    def _bury(self, member: Member, ref: Any, error: RayError) -> list[Finished]:
        """Replace a dead worker, and see whose fault it was."""
        if isinstance(error, RayActorError) and error.actor_init_failed:
            raise StudyError(f"a worker could not start: {error}") from None
        call = member.calls.get(ref)
        others = [other for other in member.calls.values() if other is not call]
        with_node = not self._pool.alive(member.node)
        self._pool.lost(member)
        reason = _reason(error)
        if call is None or others or len(call.jobs) > 1 or call.load < WINDOW or with_node:
            for lost in member.calls.values():
                self._again(lost.jobs, member, reason, with_node=with_node)
            return []
        (job,) = call.jobs
        if not self._blame.convicts(job):
            self._again([job], member, reason, with_node=False)
            return []
        kind = "memory" if isinstance(error, OutOfMemoryError) or LOW in str(error) else "crashed"
        failure = Failure(kind, f"its worker process died {DEATHS} times: {reason}")
        return [Finished(Outcome(job.number, failure=failure, worker=member.where))]

    def _again(self, jobs: list[Job], member: Member, reason: str, *, with_node: bool) -> None:
        """Run jobs once more, alone; a machine's failures are never charged to a candidate."""
        kind, where = "node" if with_node else "worker", member.where or member.node.host
        for job in jobs:
            self._blame.acquit(job, kind, where, reason)
        self._alone.extend(jobs)

    def _end_overdue(self) -> list[Finished]:
        """Kill workers whose call has taken too long; a single job has had its time."""
        finished = []
        now = time.monotonic()
        for member in list(self._pool.members):
            overdue = [c for c in member.calls.values() if c.deadline and c.deadline < now]
            if not overdue:
                continue
            self._pool.kill(member)
            (call,) = overdue
            if len(call.jobs) > 1:
                self._alone.extend(call.jobs)
                continue
            assert self._limits.timeout is not None
            failure = Failure("timeout", over_time(self._limits.timeout))
            outcome = Outcome(
                call.jobs[0].number,
                failure=failure,
                started=call.since,
                seconds=time.time() - call.since,
                worker=member.where,
            )
            finished.append(Finished(outcome))
        return finished

    def _learn(self, seconds: float) -> None:
        old = self._mean_seconds
        self._mean_seconds = seconds if old is None else 0.9 * old + 0.1 * seconds


def _awaited(member: Member) -> list[Any]:
    return list(member.calls) if member.where else [member.hello]


def _reason(error: RayError) -> str:
    """Return the line of Ray's explanation that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "because" in line), lines[0])[:300]


def _fetcher(weights: Any, outcome: Outcome) -> Callable[[], bytes] | None:
    """Return what brings an outcome's weights from the worker's node, when they are wanted."""
    if not outcome.weight_bytes:
        return None

    def fetch() -> bytes:
        packed: dict[int, bytes] = ray.get(weights)
        return packed[outcome.number]

    return fetch
