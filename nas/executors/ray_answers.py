"""What comes back from workers: outcomes, their weights, and in what words a worker died."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.exceptions import OutOfMemoryError, RayError  # noqa: TID253 - as above

from nas.executors.jobs import Outcome
from nas.incident import Incident

GATHER_SECONDS = 0.002
"""Time in which what ends together is taken together; no worker with calls ahead waits for it."""
LOW = "running low on memory"
"""What Ray says where it has ended a process for that."""


def gather(refs: list[Any], timeout: float) -> list[Any]:
    """Return the references that are ready, as soon as one is; none after ``timeout`` seconds."""
    ready, _ = ray.wait(refs, timeout=timeout)
    if ready:  # of many that come at once, a few more are soon there: one commit takes them all
        together = max(len(ready), len(refs) // 4)
        ray.wait(refs, num_returns=together, timeout=GATHER_SECONDS)
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=0)
    return ready


def answers(refs: list[Any]) -> list[Any]:
    """Return what is ready, all at once; a ``RayError`` stands for what has failed."""
    try:
        found: list[Any] = ray.get(refs)
    except RayError:
        return [_answer(ref) for ref in refs]
    return found


def _answer(ref: Any) -> Any:
    try:
        return ray.get(ref)
    except RayError as error:
        return error


def fetcher(
    outcome: Outcome,
    ref: Any,
    known: Mapping[int, bytes] | None,
    lost: Callable[[Incident], None],
) -> Callable[[], bytes | None] | None:
    """Return what brings an outcome's weights when they are wanted; None if there are none.

    Args:
        outcome: whose weights.
        ref: reference to the weights of its call.
        known: those weights, if they have come along.
        lost: is told if they were lost with the machine that had them.
    """
    if not outcome.weight_bytes:
        return None

    def fetch() -> bytes | None:
        try:
            weights: Mapping[int, bytes] = ray.get(ref) if known is None else known
        except RayError as error:
            message = f"the trained weights were lost: {reason_of(error)}"
            lost(Incident(time.time(), "storage", message, outcome.number, outcome.worker))
            return None
        return weights[outcome.number]

    return fetch


def kind_of(error: RayError) -> str:
    """Return the kind of failure that a candidate has whose worker died of it."""
    return "memory" if isinstance(error, OutOfMemoryError) or LOW in str(error) else "crashed"


def reason_of(error: RayError) -> str:
    """Return the line of Ray's explanation that says what happened."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in lines if "because" in line), lines[0])[:300]
