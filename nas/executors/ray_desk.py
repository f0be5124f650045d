"""Where running trials report, and wait for a verdict: one actor on the driver's machine.

The driver has one call there that returns as soon as there is news, so it hears of a report within
a few milliseconds and polls nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from dataclasses import dataclass
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.exceptions import RayError  # noqa: TID253 - as above
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: TID253 - as above

from nas.abstract.scheduler import Verdict
from nas.executors.hearing import PREEMPT, Listener, News
from nas.trial import CurvePoint

CONCURRENT = 100_000
"""Workers that can wait for a verdict at once."""
STUCK_SECONDS = 2.0
"""Time that all workers may wait for trials that have none."""


@ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)
class _Desk:
    def __init__(self) -> None:
        self._news: list[tuple[bytes, int | None]] = []
        self._arrived = asyncio.Event()
        self._asking: dict[int, asyncio.Future[str]] = {}

    async def tell(self, news: bytes) -> None:
        self._put(news, None)

    async def ask(self, number: int, news: bytes, step: int) -> str:
        answer = self._asking[number] = asyncio.get_running_loop().create_future()
        self._put(news, step)
        verdict: str = await answer
        return verdict

    async def take(self) -> list[tuple[bytes, int | None]]:
        await self._arrived.wait()
        self._arrived.clear()
        news, self._news = self._news, []
        return news

    async def answer(self, verdicts: dict[int, str]) -> None:
        for number, verdict in verdicts.items():
            answer = self._asking.pop(number, None)
            if answer is not None and not answer.done():
                answer.set_result(verdict)

    def _put(self, news: bytes, step: int | None) -> None:
        self._news.append((news, step))
        self._arrived.set()


class DeskLine:
    """A worker's line to the driver.

    Args:
        name: of the desk.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._desk: Any = None

    def tell(self, news: News) -> None:
        """Report; returns when it has arrived, so that nothing overtakes it."""
        ray.get(self._there().tell.remote(_packed(news)))

    def ask(self, news: News, step: int) -> str:
        """Report, and wait for a verdict."""
        verdict: str = ray.get(self._there().ask.remote(news.number, _packed(news), step))
        return verdict

    def _there(self) -> Any:
        if self._desk is None:
            self._desk = ray.get_actor(self._name)
        return self._desk


@dataclass
class _Question:
    """A trial that waits for a verdict.

    Args:
        step: after which.
        since: monotonic time.
    """

    step: int
    since: float


class Desk:
    """The driver's side: opened with the first job that reports.

    Args:
        name: by which workers find it.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._actor: Any = None
        self._next: Any = None
        self._questions: dict[int, _Question] = {}
        self._waited: dict[int, float] = {}
        self._stuck_since: float | None = None
        self._places: dict[int, int] = {}
        self._count = itertools.count()
        self.listener: Listener | None = None

    def open(self, number: int) -> None:
        """Start it on this machine, if it is not there yet: a trial that reports is submitted."""
        self._places[number] = next(self._count)
        if self._actor is None:
            here = ray.get_runtime_context().get_node_id()
            strategy = NodeAffinitySchedulingStrategy(here, soft=False)
            options = {
                "name": self._name,
                "scheduling_strategy": strategy,
                "enable_task_events": False,
                "max_concurrency": CONCURRENT,
            }
            self._actor = _Desk.options(**options).remote()  # type: ignore[attr-defined]
            self._next = self._actor.take.remote()

    @property
    def refs(self) -> list[Any]:
        """What is ready when there is news."""
        return [] if self._next is None else [self._next]

    def take(self, news: Any) -> None:
        """Pass on what has come, and answer what can be answered. Raises what Ray has raised."""
        if isinstance(news, RayError):
            raise news
        assert self.listener is not None
        self._next = self._actor.take.remote()
        for packed, step in news:
            found = _unpacked(packed)
            self.listener.heard(found)
            if step is not None:
                self._questions[found.number] = _Question(step, time.monotonic())
        self.answer()

    def answer(self) -> None:
        """Answer all questions whose answer is known by now."""
        verdicts: dict[int, str] = {}
        for number, question in list(self._questions.items()):
            assert self.listener is not None
            verdict: Verdict | None = self.listener.verdict(number, question.step)
            if verdict is not None:
                verdicts[number] = verdict.value
        self._send(verdicts)

    def is_asking(self, number: int) -> bool:
        """Tell whether a trial waits for a verdict."""
        return number in self._questions

    def forget(self, number: int) -> None:
        """A trial's worker is lost: it will ask again."""
        self._questions.pop(number, None)
        self._waited.pop(number, None)

    def waited(self, number: int) -> float:
        """Return the seconds that a trial has waited since this was last asked."""
        return self._waited.pop(number, 0.0)

    def make_room(self, stuck: bool) -> None:
        """Send away the trial that was submitted last if every worker has long been ``stuck``."""
        now = time.monotonic()
        if not stuck:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        elif now - self._stuck_since > STUCK_SECONDS:
            self._stuck_since = None
            self._send({max(self._questions, key=lambda number: self._places[number]): PREEMPT})

    def _send(self, verdicts: dict[int, str]) -> None:
        if not verdicts:
            return
        for number in verdicts:
            question = self._questions.pop(number)
            waited = time.monotonic() - question.since
            self._waited[number] = self._waited.get(number, 0.0) + waited
        self._actor.answer.remote(verdicts)


def desk_of(mailbox: str) -> str:
    """Return the name of the desk beside a mailbox."""
    return f"{mailbox}-desk"


def _packed(news: News) -> bytes:
    points = [(point.step, dict(point.metrics)) for point in news.points]
    return json.dumps((news.number, points, dict(news.metrics))).encode()


def _unpacked(packed: bytes) -> News:
    number, points, metrics = json.loads(packed)
    return News(number, tuple(CurvePoint(*point) for point in points), metrics)
