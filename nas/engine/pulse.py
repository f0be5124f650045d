"""Signs of life of a session in its archive: what runs where, and what was lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping

from nas.archive.writer import Writer
from nas.engine.meter import Meter
from nas.executors.protocol import Executor
from nas.incident import Incident
from nas.study import Study

HEARTBEAT = 1.0
"""Seconds between two notes in the archive of what runs where."""


class Pulse:
    """Looks at an executor and writes down what it sees.

    Args:
        study: as archived.
        writer: the archive's only writer.
        executor: what is looked at.
        meter: counts what was lost.
        known: how many incidents of a trial, by its number, come once more because virtual time
            runs again.
    """

    def __init__(
        self,
        study: Study,
        writer: Writer,
        executor: Executor,
        meter: Meter,
        known: Mapping[int | None, int],
    ) -> None:
        self._study, self._writer = study, writer
        self._executor, self._meter = executor, meter
        self._known = Counter(known)
        self._noted = 0.0

    def look(self) -> None:
        """Archive what was lost, and now and then what runs where."""
        self.keep_incidents()
        if time.monotonic() - self._noted >= HEARTBEAT:
            self.beat()

    def beat(self) -> None:
        """Archive what runs where."""
        self._noted = time.monotonic()
        self._meter.look(self._executor.state())
        self._writer.heartbeat(self._study, self._meter.state())

    def keep_incidents(self) -> None:
        """Archive what was lost."""
        incidents = [incident for incident in self._executor.incidents() if self._is_new(incident)]
        if incidents:
            self._meter.met(incidents)
            self._writer.incidents(self._study, incidents)

    def _is_new(self, incident: Incident) -> bool:
        if not self._known[incident.number]:
            return True
        self._known[incident.number] -= 1
        return False
