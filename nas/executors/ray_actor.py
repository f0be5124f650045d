"""The process that evaluates, on whatever node it was put; ``ray_gate`` has let it in."""

from __future__ import annotations

import signal
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


class JobRunner:
    """Builds what a study needs once, then evaluates what it is sent.

    Args:
        setup: what all jobs share, as JSON.
        data: a reference to what they share beside it, or None.
        memory: bytes that one job may allocate, or None.
        checkpoints: where evaluations keep snapshots, or None.
        mailbox: name of the driver's.
    """

    def __init__(
        self,
        setup: str,
        data: Any,
        memory: int | None,
        checkpoints: Checkpoints | None,
        mailbox: str,
    ) -> None:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # why: see orphans.same_parent
        samples: SearchData | None = None if data is None else ray.get(data)
        self._worker = Worker(Setup.from_json(setup), samples, memory, checkpoints)
        if samples is not None:
            import torch  # noqa: F401 - the first trial should not pay for this
        self._watch = Watch(mailbox)
        self._line = DeskLine(desk_of(mailbox))

    def run(self, packed: bytes) -> tuple[bytes, dict[int, bytes]]:
        """Evaluate jobs; return outcomes, and weights by trial number."""
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
