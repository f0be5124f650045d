"""On a Ray cluster: a fixed pool of actors, a small window each, cheap jobs travel together.

Ray's own restarts and retries are off: with them, one crashing candidate takes its neighbours
along, and a crash cannot be told from a lost node.
"""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray  # noqa: TID253 - this is the one module that needs it; nothing imports it early
from ray.exceptions import RayActorError, RayError  # noqa: TID253 - as above

from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluator
from nas.errors import StudyError
from nas.executors.jobs import Finished, Job, Outcome, Setup
from nas.executors.packing import pack_jobs, pack_outcomes, unpack_jobs, unpack_outcomes
from nas.executors.protocol import ExecutorState
from nas.executors.worker import Worker
from nas.incident import Incident
from nas.trial import Failure

log = logging.getLogger(__name__)

CALL_SECONDS = 0.03
"""Work to put into one call: a call costs about 0.3 ms, so 1 % is Ray's."""
CHEAP_SECONDS = 0.05
"""Jobs quicker than this are queued behind the running one, so that no worker waits for us."""
MOST_PER_CALL = 128
WINDOW = 2
"""Calls under way on one actor, at most; a call that fills it has the actor for itself."""


@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    """A worker in a process of its own."""

    def __init__(self, setup: str, data: SearchData | None) -> None:
        self._worker = Worker(Setup.from_json(setup), data)

    def run(self, jobs: str) -> tuple[str, dict[int, bytes]]:
        """Evaluate jobs; the second value is fetched only if weights are wanted."""
        outcomes, weights = [], {}
        for job in unpack_jobs(jobs):
            outcome, packed = self._worker.run(job)
            outcomes.append(outcome)
            if packed is not None:
                weights[job.number] = packed
        return pack_outcomes(outcomes), weights


@dataclass
class _Call:
    """Jobs under way on one actor."""

    actor: Any
    jobs: list[Job]
    weights: Any
    load: int


class RayExecutor:
    """A pool of actors, sized by what the cluster has and one evaluation needs.

    Args:
        setup: what all jobs share.
        data: put into the object store once, or None.
        evaluator: declares what one evaluation occupies.
        workers: at most so many actors; None is as many as fit.
        address: of a cluster; None starts a local Ray.

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
    ) -> None:
        self._started_ray = _connect(address, evaluator, workers)
        try:
            self._needs = _needs(evaluator)
            self.workers = _room(self._needs, workers)
            self._setup = setup.to_json()
            self._data = ray.put(data) if data is not None else None
            self._load: dict[Any, int] = {self._new_actor(): 0 for _ in range(self.workers)}
        except BaseException:
            self._disconnect()
            raise
        where = address or "local"
        self.description = f"ray ({where}): {self.workers} worker{'s' * (self.workers != 1)}"
        self._waiting: deque[Job] = deque()
        self._alone: deque[Job] = deque()
        self._calls: dict[Any, _Call] = {}
        self._mean_seconds: float | None = None

    def submit(self, job: Job) -> None:
        """Accept a job."""
        self._waiting.append(job)

    def wait(self, timeout: float) -> list[Finished]:
        """Return what has finished, as soon as anything has; nothing after ``timeout`` seconds."""
        self._dispatch()
        if not self._calls:
            return []
        ready, _ = ray.wait(list(self._calls), timeout=timeout)
        if ready:
            ready, _ = ray.wait(list(self._calls), num_returns=len(self._calls), timeout=0)
        finished = [item for ref in ready for item in self._collect(ref)]
        self._dispatch()
        return finished

    def incidents(self) -> list[Incident]:
        """Return what went wrong with the infrastructure since the last call."""
        return []

    def state(self) -> ExecutorState:
        """Return what runs where."""
        return ExecutorState(self.workers, waiting=len(self._waiting) + len(self._alone))

    def stop(self) -> None:
        """Kill the actors with what they run, and a local Ray with them."""
        for actor in self._load:
            ray.kill(actor)
        self._load, self._calls = {}, {}
        self._waiting.clear()
        self._alone.clear()
        self._disconnect()

    def _disconnect(self) -> None:
        if self._started_ray:
            ray.shutdown()
            self._started_ray = False

    def _new_actor(self) -> Any:
        return _Actor.options(enable_task_events=False, **self._needs).remote(  # type: ignore[attr-defined]
            self._setup, self._data
        )

    def _dispatch(self) -> None:
        while self._alone or self._waiting:
            actor = min(self._load, key=self._load.__getitem__)
            load = WINDOW if self._alone else WINDOW // self._window()
            if self._load[actor] + load > WINDOW:
                return
            jobs = [self._alone.popleft()] if self._alone else self._next_jobs()
            self._call(actor, jobs, load)

    def _call(self, actor: Any, jobs: list[Job], load: int) -> None:
        outcomes, weights = actor.run.options(num_returns=2).remote(pack_jobs(jobs))
        self._calls[outcomes] = _Call(actor, jobs, weights, load)
        self._load[actor] += load

    def _window(self) -> int:
        cheap = self._mean_seconds is not None and self._mean_seconds < CHEAP_SECONDS
        return WINDOW if cheap else 1

    def _next_jobs(self) -> list[Job]:
        """Return one call's jobs: a training job travels alone, cheap ones together."""
        fair_share = -(-len(self._waiting) // self.workers)
        count = 1
        if self._mean_seconds is not None:
            count = int(CALL_SECONDS / max(self._mean_seconds, 1e-6))
        count = max(1, min(count, fair_share, MOST_PER_CALL))
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def _collect(self, ref: Any) -> list[Finished]:
        call = self._calls.pop(ref, None)
        if call is None:  # came back with an earlier call of the same actor
            return []
        try:
            packed: str = ray.get(ref)
        except RayError as error:
            return self._bury(call, error)
        self._load[call.actor] -= call.load
        outcomes = unpack_outcomes(packed)
        for outcome in outcomes:
            self._learn(outcome.seconds)
        return [Finished(outcome, _fetcher(call.weights, outcome)) for outcome in outcomes]

    def _bury(self, call: _Call, error: RayError) -> list[Finished]:
        """Replace a dead actor. A job is to blame only if it had the actor for itself.

        The reply to a call that was done before may be lost with the process, so of several calls
        it cannot be told which one was fatal: each of their jobs runs again, alone.
        """
        if isinstance(error, RayActorError) and error.actor_init_failed:
            raise StudyError(f"a worker could not start: {error}") from None
        reason = str(error).splitlines()[0]
        log.info("a worker died: %s", reason)
        del self._load[call.actor]
        self._load[self._new_actor()] = 0
        if call.load == WINDOW:
            failure = Failure("crashed", f"the worker process died: {reason}")
            return [Finished(Outcome(call.jobs[0].number, failure=failure))]
        lost = [ref for ref, other in self._calls.items() if other.actor == call.actor]
        self._alone.extend(call.jobs)
        self._alone.extend(job for ref in lost for job in self._calls.pop(ref).jobs)
        return []

    def _learn(self, seconds: float) -> None:
        old = self._mean_seconds
        self._mean_seconds = seconds if old is None else 0.9 * old + 0.1 * seconds


def _fetcher(weights: Any, outcome: Outcome) -> Callable[[], bytes] | None:
    """Return what brings an outcome's weights from the worker's node, when they are wanted."""
    if not outcome.weight_bytes:
        return None

    def fetch() -> bytes:
        packed: dict[int, bytes] = ray.get(weights)
        return packed[outcome.number]

    return fetch


def _connect(address: str | None, evaluator: Evaluator, workers: int | None) -> bool:
    """Start or join Ray unless this process has joined one already; returns whether it did."""
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # a plain init() may attach to, or hang on, what an earlier `ray start` left behind
        options |= {"address": "local", "include_dashboard": False}
        if workers is not None:
            cores = os.cpu_count() or 1
            options["num_cpus"] = max(cores, -int(-workers * evaluator.cpus // 1))
    else:
        options["address"] = address
    try:
        _knock(address)
        ray.init(**options)
    except (RayError, ConnectionError, ValueError, OSError) as error:
        raise StudyError(f"no Ray at {address or 'local'}: {error}") from error
    return True


def _knock(address: str | None) -> None:
    """Raise ``OSError`` if nobody listens at ``host:port``: Ray itself would try for a minute."""
    host, _, port = (address or "").removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=5).close()


def _needs(evaluator: Evaluator) -> dict[str, Any]:
    gpus = evaluator.gpus
    if gpus is None:
        has_gpu = _cluster_resources().get("GPU", 0) >= 1
        gpus = 1 if evaluator.uses_gpu and has_gpu else 0
    return {
        "num_cpus": evaluator.cpus,
        "num_gpus": gpus,
        "resources": dict(evaluator.resources),
    }


def _room(needs: dict[str, Any], workers: int | None) -> int:
    """Return how many actors fit into the nodes as they are now."""
    wanted = {"CPU": needs["num_cpus"], "GPU": needs["num_gpus"], **needs["resources"]}
    wanted = {name: amount for name, amount in wanted.items() if amount > 0}
    nodes = [node["Resources"] for node in _nodes() if node["Alive"]]
    fit = sum(
        min((int(node.get(name, 0) / amount) for name, amount in wanted.items()), default=1)
        for node in nodes
    )
    if fit == 0:
        have = {k: v for k, v in _cluster_resources().items() if ":" not in k and "_" not in k}
        raise StudyError(f"no node has room for one evaluation: it needs {wanted}, all have {have}")
    return min(fit, workers) if workers is not None else fit


def _cluster_resources() -> dict[str, float]:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


def _nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return nodes
