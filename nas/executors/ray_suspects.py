"""Trials that took too long: their own fault only if their machine did not stand still itself."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: TID253 - as above

from nas.executors.jobs import Job, Outcome
from nas.executors.limits import over_time
from nas.executors.ray_pool import Call, Member
from nas.trial import Failure


@ray.remote(num_cpus=0, max_retries=0)
def _answer() -> None:
    """Show that a node does what it is asked to."""


@dataclass(frozen=True)
class Suspect:
    """A trial that took too long.

    Args:
        job: what it was to do.
        where: machine and process.
        outcome: if it is to blame.
    """

    job: Job
    where: str
    outcome: Outcome


class Suspects:
    """Asks the nodes of trials that took too long for a sign of life.

    A node that answers is well, so the trial was slow. Of one that does not, Ray says sooner or
    later that it is lost.

    Args:
        timeout: seconds that a trial may take.
    """

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._asked: dict[Any, Suspect] = {}

    @property
    def refs(self) -> list[Any]:
        """References to the answers that are awaited."""
        return list(self._asked)

    def ask(self, member: Member, call: Call) -> None:
        """Ask the node of a worker whose only job has had its time."""
        assert self._timeout is not None
        (job,) = call.jobs
        outcome = Outcome(
            job.number,
            failure=Failure("timeout", over_time(self._timeout)),
            started=call.since,
            seconds=time.time() - call.since,
            worker=member.where,
        )
        there = NodeAffinitySchedulingStrategy(member.node.id, soft=False)
        ref = _answer.options(scheduling_strategy=there).remote()
        self._asked[ref] = Suspect(job, member.where, outcome)

    def answered(self, ref: Any) -> Suspect:
        """Return whom the answer is about."""
        return self._asked.pop(ref)
