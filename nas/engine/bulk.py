"""Scores of many untrained networks, computed where jobs run, kept in an archive.

What the archive has is not computed again, so a scoring that was stopped goes on where it was.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from nas.abstract.dataset import SearchData
from nas.abstract.evaluator import Evaluator
from nas.abstract.proxy import Proxy
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.archive.scorebook import ScoreBook, Scored, Scoring
from nas.components import HYPER
from nas.config import Named, RunConfig
from nas.engine.builder import Builder
from nas.engine.execution import executor_of
from nas.engine.interrupts import Interrupts
from nas.engine.proxy_tree import Tree, proxies
from nas.executors.jobs import Finished, Job, Outcome, Ref, Setup
from nas.executors.protocol import Executor
from nas.plugins import PluginFile
from nas.trial import Failure
from nas.zero_cost import Samples

EVALUATOR = "zero_cost"
"""What scores on a worker; any plugin may offer one of this name and with these parameters."""
IN_FLIGHT = 1_024
"""Architectures that an executor holds at once."""
WAIT = 0.5
"""Seconds after which a watcher hears of the scoring even if nothing was scored."""


@dataclass(frozen=True)
class BulkProgress:
    """How far a scoring is.

    Args:
        scored: architectures that were scored in this session.
        known: those that the archive had already.
        total: all that are wanted.
        seconds: of this session, since the first job was given away.
        memory: the most that a worker's process has held, in bytes; 0 before the first result.
        executor: where it runs.
        incidents: failures of machines; what they met runs again.
    """

    scored: int
    known: int
    total: int
    seconds: float
    memory: float
    executor: str
    incidents: int = 0

    @property
    def rate(self) -> float:
        """Architectures a second."""
        return self.scored / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class Bulk:
    """What is scored how.

    Args:
        builder: has built space and trees.
        space: its name and parameters.
        built: the space.
        trees: proxies and aggregates.
        named: each proxy with its parameters, by what it is called.
        data: what batches are taken from, or None.
        files: plugin files, for the workers.
        seed: of batch and initial weights.
        repeats: initialisations that a score is the mean over.
        samples: ``drawn`` at random, or the ``first``.
    """

    builder: Builder
    space: Named
    built: Space
    trees: Sequence[Tree]
    named: Mapping[str, Named]
    data: SearchData | None
    files: Sequence[PluginFile] = ()
    seed: int = 0
    repeats: int = 1
    samples: Samples = "drawn"

    @property
    def proxies(self) -> dict[str, Proxy]:
        """Every proxy once, by what it is called."""
        return proxies(self.trees)

    def scorings(self) -> list[Scoring]:
        """Return what the archive tells scores apart by, for each proxy."""
        fingerprint = self.data.fingerprint if self.data is not None else ""
        return [
            Scoring(
                self.builder.record("space", self.space),
                self.builder.record("proxy", self.named[name]),
                fingerprint if proxy.needs_data else "",
                proxy.batch,
                self.samples,
                self.repeats,
                self.seed,
            )
            for name, proxy in self.proxies.items()
        ]

    def evaluator(self) -> Named:
        """Return what scores on a worker."""
        listed = [{"name": n.name, **n.parameters} for n in self.named.values()]
        how = {"repeats": self.repeats, "seed": self.seed, "samples": self.samples, "memory": True}
        return Named.model_validate({"name": EVALUATOR, "proxies": listed, **how})


@dataclass
class _Session:
    """One run over what is not known yet."""

    bulk: Bulk
    book: ScoreBook
    scorings: Sequence[int]
    metrics: Sequence[str]
    todo: Iterator[tuple[int, Architecture]]
    running: dict[int, Architecture] = field(default_factory=dict)
    scored: int = 0
    memory: float = 0.0
    incidents: int = 0
    executor: str = ""

    def step(self, executor: Executor, interrupts: Interrupts) -> bool:
        """Give away, wait, keep; return whether anything is left."""
        for number, architecture in islice(self.todo, IN_FLIGHT - len(self.running)):
            self.running[number] = architecture
            network = self.bulk.built.network_of(architecture)
            executor.submit(Job(number, network, None, self.bulk.seed))
        if not self.running:
            return False
        with interrupts.allowed():
            finished = executor.wait(WAIT)
        self.executor = executor.description
        self.incidents += len(executor.incidents())
        self.keep(finished)
        return True

    def keep(self, finished: Sequence[Finished]) -> None:
        """Write what was scored."""
        rows: list[Scored] = []
        for item in finished:
            rows += self._rows(item.outcome)
            self.memory = max(self.memory, item.outcome.metrics.get("peak_memory", 0.0))
        if rows:
            self.book.add(rows)
            self.scored += len(finished)

    def _rows(self, outcome: Outcome) -> Iterator[Scored]:
        space, architecture = self.bulk.built, self.running.pop(outcome.number)
        canonical_id, text = space.canonical_id(architecture), space.format(architecture)
        for scoring, metric in zip(self.scorings, self.metrics, strict=True):
            value = outcome.metrics.get(metric)
            failure = None if value is not None else _why(outcome, metric)
            yield Scored(scoring, architecture, canonical_id, text, value, failure)


def score_all(
    bulk: Bulk,
    architectures: Sequence[Architecture],
    archive: str | Path,
    run: RunConfig,
    watch: Callable[[BulkProgress], None] = lambda progress: None,
) -> BulkProgress:
    """Score architectures and keep the scores; those that the archive has are left out.

    Args:
        bulk: how.
        architectures: members of the space, each once.
        archive: path of the archive; created if it is not there.
        run: where.
        watch: is told now and then.

    Raises:
        NASError: what cannot be used.
        KeyboardInterrupt: the user stopped it; what was scored is in the archive.
    """
    with Interrupts() as interrupts, ScoreBook(archive) as book:
        ids = book.begin(bulk.scorings())
        known = [set(book.values(scoring)) for scoring in ids]
        todo = [a for a in architectures if not all(a in of_one for of_one in known)]
        have = len(architectures) - len(todo)
        if not todo:
            return BulkProgress(0, have, len(architectures), 0.0, 0.0, "")
        evaluator = bulk.builder.build("evaluator", bulk.evaluator(), Evaluator)
        executor = executor_of(run, _setup(bulk), bulk.data, evaluator, workers=run.workers)
        names = evaluator.metrics[: len(ids)]
        session = _Session(bulk, book, ids, names, iter(enumerate(todo)))
        began = time.monotonic()

        def progress() -> BulkProgress:
            return BulkProgress(
                session.scored,
                have,
                len(architectures),
                time.monotonic() - began,
                session.memory,
                session.executor,
                session.incidents,
            )

        try:
            interrupts.begin()
            watch(progress())
            while session.step(executor, interrupts):
                watch(progress())
        finally:
            executor.stop()
        return progress()


def known_scores(bulk: Bulk, archive: str | Path) -> dict[str, dict[Architecture, Any]]:
    """Return by proxy, for each architecture, its score or ``Failure``."""
    with ScoreBook(archive) as book:
        ids = book.begin(bulk.scorings())
        return {name: book.values(i) for name, i in zip(bulk.proxies, ids, strict=True)}


def value_of(score: float | Failure | None) -> float:
    """Return a score; NaN if there is none."""
    return score if isinstance(score, float) else math.nan


def _setup(bulk: Bulk) -> Setup:
    from nas.engine.assembly import versions

    builder = bulk.builder
    space = builder.ref("space", bulk.space)
    # hyper-parameters are those of the evaluator that trains, and make no difference to a score
    networks = {k: v for k, v in space.parameters.items() if k != HYPER}
    scorer = builder.record("evaluator", bulk.evaluator())
    return Setup(
        Ref(space.name, networks),
        Ref(scorer.name, scorer.parameters),
        (),
        tuple(bulk.files),
        versions([*builder.components, builder.record("space", bulk.space), scorer]),
    )


def _why(outcome: Outcome, metric: str) -> Failure:
    found = outcome.unknown.get(metric) or outcome.failure
    return found or Failure("error", f"the evaluator reported no {metric}")
