"""While the driver scores candidates, no worker waits for it longer than one score takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from nas.engine.interrupts import Interrupts
from nas.executors.jobs import Finished
from nas.executors.protocol import Executor

EVERY = 0.02
"""Seconds between two looks: what scores faster is not slowed down by looking."""


class Attention:
    """Called between two scores: takes in what workers report, answers and gives out jobs.

    What a proposal knows was settled before, and decisions on trials go by virtual time or by what
    has been reported; so this changes when things are done, not what is decided.

    Args:
        executor: of the jobs.
        interrupts: may strike between two scores, but not while trials are archived.
        arrived: takes what has finished.
    """

    def __init__(
        self,
        executor: Executor,
        interrupts: Interrupts,
        arrived: Callable[[list[Finished]], None],
    ) -> None:
        self._executor, self._interrupts, self._arrived = executor, interrupts, arrived
        self._looked = time.monotonic()

    def __call__(self) -> None:
        """Look, unless that was just done."""
        if time.monotonic() - self._looked < EVERY:
            return
        finished = self._executor.poll()
        if finished:
            with self._interrupts.held():
                self._arrived(finished)
        self._looked = time.monotonic()
