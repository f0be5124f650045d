"""When a call has taken too long; the time that its trial waits for a verdict is not counted."""

from __future__ import annotations

import time
from collections.abc import Iterator

from nas.executors.ray_desk import Desk
from nas.executors.ray_pool import Call, Member, Pool


def seconds_left(pool: Pool, timeout: float) -> float:
    """Return the seconds until the first deadline, at most ``timeout``."""
    deadlines = [
        call.deadline
        for member in pool.members
        for call in member.calls.values()
        if call.deadline is not None
    ]
    return max(0.0, min([timeout, *(d - time.monotonic() for d in deadlines)]))


def overdue(pool: Pool, desk: Desk) -> Iterator[tuple[Member, Call]]:
    """Yield each worker with the call that is beyond its deadline."""
    for member in list(pool.members):
        for call in list(member.calls.values()):
            if call.deadline is None:
                continue
            call.deadline += sum(desk.waited(job.number) for job in call.jobs)
            if call.deadline < time.monotonic() and not is_asking(call, desk):
                yield member, call


def is_asking(call: Call, desk: Desk) -> bool:
    """Tell whether a call waits for a verdict on one of its trials."""
    return any(desk.is_asking(job.number) for job in call.jobs)


def all_ask(pool: Pool, desk: Desk) -> bool:
    """Tell whether all workers that have something to do wait for a verdict."""
    busy = [call for member in pool.members for call in member.calls.values()]
    return bool(busy) and all(is_asking(call, desk) for call in busy)
