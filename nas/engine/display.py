"""What whoever watches a search gets to see of it."""

from __future__ import annotations

from collections.abc import Sequence

from nas.archive.writer import Writer
from nas.engine.flights import Flights
from nas.engine.meter import Meter
from nas.engine.progress import Observer
from nas.engine.proposer import Proposer
from nas.engine.pulse import Pulse
from nas.engine.telling import Telling
from nas.study import Study
from nas.trial import Trial


class Display:
    """Shows an observer, if there is one, how a search gets on.

    Args:
        observer: who watches, or None.
        study: as archived.
        writer: of its archive.
        proposer: knows what was turned away.
        flights: knows what runs.
        meter: has counted the rest.
        pulse: looks at the executor.
        telling: knows how much budget is spent.
    """

    def __init__(
        self,
        observer: Observer | None,
        study: Study,
        writer: Writer,
        proposer: Proposer,
        flights: Flights,
        meter: Meter,
        pulse: Pulse,
        telling: Telling,
    ) -> None:
        self._observer, self._study, self._writer = observer, study, writer
        self._proposer, self._flights = proposer, flights
        self._meter, self._pulse, self._telling = meter, pulse, telling

    def warming_up(self, scored: int, pool: int) -> None:
        """Show how much of a pool is scored."""
        doing = f"Scoring the warm-up's pool: {scored:,} of {pool:,}"
        self._meter.doing = doing if scored < pool else ""
        self._pulse.look()
        self.show((), [])

    def show(self, new: Sequence[Trial], workers: list[str]) -> None:
        """Show trials that have just been archived, and how far the search is."""
        if self._observer is not None:
            self._observer.progress(
                self._meter.progress(
                    new,
                    workers,
                    dict(self._proposer.turned_away),
                    len(self._flights),
                    self._writer.front(self._study),
                    self._telling.used,
                )
            )
