"""Running a benchmark: its studies side by side, each a search of its own in the same archive.

A study runs in one process, one trial after the other; many run at once on the machine that has the
archive, and take turns to write. What is finished is not run again, what was killed goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas.archive.writer import Writer
from nas.benchmark.plan import Entry, Plan, finished
from nas.engine.interrupts import Interrupts
from nas.engine.search import search
from nas.errors import NASError


@dataclass(frozen=True)
class Ended:
    """How a study of a benchmark ended; ``error`` is empty unless it failed."""

    entry: Entry
    error: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a benchmark is.

    Args:
        known: studies that were finished before.
        done: studies that have ended since.
        total: all studies.
        seconds: of this run.
        latest: what has just ended, if anything.
        where: what they run on.
    """

    known: int
    done: int
    total: int
    seconds: float
    latest: Ended | None = None
    where: str = ""


@dataclass
class Outcome:
    """What came of a run: studies that failed, and whether the user stopped it."""

    failed: list[Ended] = field(default_factory=list)
    interrupted: bool = False


def run(
    plan: Plan,
    archive: str | Path,
    plugins: Sequence[str | Path] = (),
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Outcome:
    """Run what the archive lacks.

    Args:
        plan: the benchmark.
        archive: path of the archive; created if it is not there.
        plugins: plugin files beside what is installed.
        watch: is told of every study that ends.

    Raises:
        StudyError: the archive has a study of that name with another config, or there is no Ray.
        ArchiveError: the archive cannot be used.
    """
    Writer.open(archive).close()  # there from now on, and of this version
    known = finished(plan, archive)
    todo = [entry for entry in plan.entries if entry.config.study not in known]
    outcome, began = Outcome(), time.monotonic()
    done = 0
    try:
        for ended, where in _all(plan, todo, archive, plugins):
            done += ended is not None
            if ended is not None and ended.error:
                outcome.failed.append(ended)
            seconds = time.monotonic() - began
            watch(Progress(len(known), done, len(plan.entries), seconds, ended, where))
    except KeyboardInterrupt:
        outcome.interrupted = True
    return outcome


def run_study(config: Mapping[str, Any], archive: str, plugins: Sequence[str]) -> str:
    """Run one study, or go on with it, in this process.

    Returns:
        Why it failed; empty if it did not.

    Raises:
        KeyboardInterrupt: the user stopped it.
    """
    try:
        result = search(config, archive, plugins=plugins)
    except NASError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a strategy can raise anything
        return f"{type(error).__name__}: {error}"
    if result.interrupted:
        raise KeyboardInterrupt
    return ""


def _all(
    plan: Plan, todo: Sequence[Entry], archive: str | Path, plugins: Sequence[str | Path]
) -> Iterator[tuple[Ended | None, str]]:
    """Run studies; yield each as it ends, and now and then nothing."""
    files = [str(Path(path).absolute()) for path in plugins]
    path, settings = str(Path(archive).absolute()), plan.config.run
    if not todo:
        return
    if settings.executor == "inline":
        for entry in todo:
            error = run_study(entry.config.to_dict(), path, files)
            yield Ended(entry, error), "inline: this process"
        return
    from nas.executors import ray_settings

    ray_settings.apply()
    from nas.benchmark.parallel import Tasks

    with Interrupts() as interrupts:
        evaluators = [parts.evaluator for parts in plan.parts.values()]
        tasks = Tasks(evaluators, settings.workers, settings.address)
        try:
            interrupts.begin()
            yield from tasks.run(todo, path, files, interrupts)
        finally:
            tasks.stop()
