"""What went wrong with the machines of a search, and was no candidate's fault. Plain data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Incident:
    """One failure of the infrastructure; the trials that it met run again.

    Args:
        at: Unix time at which the driver noticed; in a simulation, virtual seconds from its begin.
        kind: ``node`` (a node was lost), ``worker`` (a worker process was lost with its node, or
            was killed while no candidate can be blamed), ``network`` (the cluster cannot be
            reached), ``version`` (a node with another version was refused) or ``storage``.
        message: one line.
        number: of the trial that it met, or None.
        worker: which machine and process, as far as it is known.
    """

    at: float
    kind: str
    message: str
    number: int | None = None
    worker: str = ""
