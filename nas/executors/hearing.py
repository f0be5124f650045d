"""What a running evaluation says to the driver, and what it is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nas.abstract.checkpoint import Snapshot
from nas.abstract.scheduler import Verdict
from nas.trial import CurvePoint

PREEMPT = "preempt"
"""Told to an evaluation whose worker is needed by those that it waits for: it runs again later."""


@dataclass(frozen=True)
class News:
    """What a running trial has reported since it last did.

    Args:
        number: of the trial.
        points: of its curve.
        metrics: what does not change while it runs: those that were measured.
    """

    number: int
    points: tuple[CurvePoint, ...]
    metrics: Mapping[str, float] = field(default_factory=dict)


class Listener(Protocol):
    """The driver's side."""

    def heard(self, news: News) -> None:
        """Take note of what a trial has reported; what is known already may come again."""
        ...

    def verdict(self, number: int, step: int) -> Verdict | None:
        """Return what becomes of a trial after a step; None as long as that cannot be known."""
        ...


class Line(Protocol):
    """The worker's side."""

    def tell(self, news: News) -> None:
        """Pass on what there is; nobody waits for an answer."""
        ...

    def ask(self, news: News, step: int) -> str:
        """Pass on what there is; return a verdict, or ``PREEMPT``."""
        ...


class EndedByVerdict(BaseException):
    """Leaves an evaluation; no plugin that catches exceptions should catch it.

    Args:
        ended: ``stopped``, ``paused`` or ``preempted``.
    """

    def __init__(self, ended: str) -> None:
        super().__init__(ended)
        self.ended = ended


STOPPED, PAUSED, PREEMPTED = "stopped", "paused", "preempted"
"""How a verdict ends an evaluation."""
_ENDED = {Verdict.STOP.value: STOPPED, Verdict.PAUSE.value: PAUSED, PREEMPT: PREEMPTED}


def ended_by(verdict: str) -> str:
    """Return how a verdict ends an evaluation; empty if it goes on."""
    return _ENDED.get(verdict, "")


class Conversation:
    """One evaluation's talk with the driver.

    Args:
        number: of the trial.
        asks: steps at whose first report it asks.
        line: to the driver.
        save: keeps a snapshot of a trial that pauses, if it can.
        metrics: what is known of it beside the curve.
    """

    def __init__(
        self,
        number: int,
        asks: Sequence[int],
        line: Line,
        save: Callable[[Snapshot], None],
        metrics: Mapping[str, float],
    ) -> None:
        self._number, self._asks, self._line = number, list(asks), line
        self._save, self._metrics = save, metrics
        self._sent = 0

    def reported(
        self, curve: Sequence[CurvePoint], snapshot: Callable[[], Snapshot] | None
    ) -> None:
        """Pass on the last report of a curve. Raises ``EndedByVerdict`` if it is to end there."""
        step = curve[-1].step
        news = self._news(curve)
        if not self._asks or step < self._asks[0]:
            self._line.tell(news)
            return
        while self._asks and self._asks[0] <= step:
            self._asks.pop(0)
        verdict = self._line.ask(news, step)
        if verdict in (Verdict.PAUSE, PREEMPT) and snapshot is not None:
            self._save(snapshot())
        if ended := ended_by(verdict):
            raise EndedByVerdict(ended)

    def restored(self, curve: Sequence[CurvePoint]) -> None:
        """Ask about the levels that a snapshot has left behind: they were asked about before."""
        while self._asks and curve and self._asks[0] <= curve[-1].step:
            level = self._asks.pop(0)
            at = next(point.step for point in curve if point.step >= level)
            verdict = self._line.ask(self._news(curve), at)
            if ended := ended_by(verdict):
                raise EndedByVerdict(ended)

    def _news(self, curve: Sequence[CurvePoint]) -> News:
        new = tuple(curve[self._sent :])
        self._sent = len(curve)
        return News(self._number, new, self._metrics)
