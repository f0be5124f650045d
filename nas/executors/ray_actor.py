"""The process that evaluates: one actor a worker, on whatever node it was put."""

from __future__ import annotations

import json
import os
import platform
import signal
import traceback
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module

from nas.abstract.dataset import SearchData
from nas.executors.checkpoints import Checkpoints
from nas.executors.jobs import Job, Outcome, Setup
from nas.executors.orphans import end_children
from nas.executors.packing import unpack_call
from nas.executors.ray_desk import DeskLine, desk_of
from nas.executors.ray_mailbox import Batch, Watch
from nas.executors.worker import Worker, failed


@dataclass(frozen=True)
class Hello:
    """What a worker says when it can begin, or why it cannot.

    Args:
        where: machine and process.
        problem: why it cannot evaluate anything; empty if it can.
        versions: whether that is because something of another version is installed there.
    """

    where: str
    problem: str = ""
    versions: bool = False


# Ray's own restarts and retries are off: with them one crashing candidate takes its neighbours
# along, and a crash cannot be told from a lost node. Deadlines and retries are the driver's.
@ray.remote(max_restarts=0, max_task_retries=0)
class WorkerActor:
    """Builds what a study needs once, then evaluates what it is sent."""

    def __init__(
        self,
        setup: str,
        data: SearchData | None,
        memory: int | None,
        checkpoints: Checkpoints | None,
        mailbox: str,
    ) -> None:
        self._setup, self._data = Setup.from_json(setup), data
        self._memory, self._checkpoints = memory, checkpoints
        self._watch = Watch(mailbox)
        self._line = DeskLine(desk_of(mailbox))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # why: see orphans.same_parent

    def hello(self) -> str:
        """Get ready; the clock of no trial runs yet."""
        where = f"{platform.node()} pid {os.getpid()}"
        wrong = _other_versions(self._setup)
        if wrong:
            return _say(Hello(where, wrong, versions=True))
        try:
            self._worker = Worker(self._setup, self._data, self._memory, self._checkpoints)
        except Exception:  # noqa: BLE001 - somebody's plugin; the driver says what it was
            return _say(Hello(where, traceback.format_exc(limit=-3).strip()))
        if self._data is not None:
            import torch  # noqa: F401 - the first trial should not pay for this
        return _say(Hello(where))

    @ray.method(num_returns=2)
    def run(self, packed: bytes) -> tuple[bytes, dict[int, bytes]]:
        """Evaluate jobs; the weights stay where they are until somebody wants them."""
        return self._run(packed)

    def run_whole(self, packed: bytes) -> bytes | tuple[bytes, dict[int, bytes]]:
        """Evaluate jobs; weights come along. A second object would cost a fifth of a call."""
        outcomes, weights = self._run(packed)
        return (outcomes, weights) if weights else outcomes

    def _run(self, packed: bytes) -> tuple[bytes, dict[int, bytes]]:
        call, jobs = unpack_call(packed)
        batch = Batch(call, [] if self._watch.is_called_back(call) else jobs)
        self._watch.over(batch)
        while (job := batch.next()) is not None:
            batch.done(*self._evaluate(job))
        self._watch.over(None)
        return batch.rest()

    def _evaluate(self, job: Job) -> tuple[Outcome, bytes | None]:
        try:
            line = None if job.asks is None else self._line
            return self._worker.run(job, line=line)
        except KeyboardInterrupt as error:  # nobody sits at this process: the candidate's own
            return failed(job, error), None
        finally:
            end_children()


def read_hello(text: str) -> Hello:
    """Read what ``WorkerActor.hello`` returned."""
    values: dict[str, Any] = json.loads(text)
    return Hello(**values)


def _say(hello: Hello) -> str:
    return json.dumps(vars(hello))


def _other_versions(setup: Setup) -> str:
    wrong = []
    for distribution, wanted in setup.versions.items():
        try:
            found = version(distribution)
        except PackageNotFoundError:
            found = "none"
        if found != wanted:
            wrong.append(f"{distribution} {found} there, {wanted} here")
    return "; ".join(wrong)
