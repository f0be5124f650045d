"""A search's log for machines: one JSON object a line, each with time, level, event and study.

``docs/progress.md`` lists every event and its keys.
"""

from __future__ import annotations

import logging
import os
import platform
import sys
import time
import traceback
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nas import hookspecs
from nas.engine.logfile import Event, LogFile
from nas.engine.progress import Observer, Observers, Plan, Progress
from nas.errors import ConfigError
from nas.study import Study
from nas.trial import Status, Trial

PROGRESS_EVERY = 5.0
"""Seconds between two events ``progress``."""
BESIDE = ("ray", "torch", "numpy")
"""Distributions whose versions are logged beside those of the plugins."""


class EventLog(logging.Handler):
    """Logs what happens to a search, and what Python's ``logging`` is told meanwhile.

    It is an observer, a logging handler and a context manager; while it is entered it hears the
    root logger. Nothing of it raises once it is there.

    Args:
        path: of a file, appended to; or such as ``/dev/stderr``.
        study: name of the study.

    Raises:
        ConfigError: the file cannot be written, or is something else than a log.
    """

    def __init__(self, path: str | Path, study: str) -> None:
        super().__init__()
        self._file = LogFile(path)
        self._name = study
        self._front: list[int] | None = None
        self._latest: Progress | None = None
        self._noted = 0.0

    def __enter__(self) -> Self:
        root = logging.getLogger()
        self._last_resort = None
        if not root.hasHandlers() and logging.lastResort is not None:
            # Python prints warnings only as long as nobody handles them: a log must not hide them
            self._last_resort = logging.lastResort
            root.addHandler(self._last_resort)
        root.addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            told = "".join(traceback.format_exception(error))
            self._write("error", {"message": str(error), "traceback": told}, "error")
        root = logging.getLogger()
        root.removeHandler(self)
        if self._last_resort is not None:
            root.removeHandler(self._last_resort)
        self._file.close()

    def started(self, study: Study, plan: Plan) -> None:
        """Log a session's begin: what is searched, by which versions, where."""
        self._front, self._latest, self._noted = None, None, time.monotonic()
        about: Event = {
            "archive": study.archive,
            "config": study.config,
            "objectives": [asdict(goal) for goal in study.goals],
            **asdict(plan),
            "versions": _versions(),
            "host": platform.node(),
            "pid": os.getpid(),
        }
        self._write("session.started", about)

    def progress(self, progress: Progress) -> None:
        """Log what is new, and now and then how far the search is."""
        self._latest = progress
        events = [self._event("incident", asdict(incident), "warning") for incident in progress.met]
        workers = progress.workers or ("",) * len(progress.new)
        events += [self._trial(*both) for both in zip(progress.new, workers, strict=True)]
        events += self._front_changed(progress)
        now = time.monotonic()
        if now - self._noted >= PROGRESS_EVERY:
            self._noted = now
            level = "warning" if progress.stuck else "info"
            events.append(self._event("progress", _figures(progress), level))
        self._file.write(events)

    def finished(self, study: Study, reason: str) -> None:
        """Log a session's end, with its last figures."""
        figures = _figures(self._latest) if self._latest else {}
        self._write("session.finished", {"reason": reason, **figures})

    def emit(self, record: logging.LogRecord) -> None:
        """Log what Python's ``logging`` is told."""
        told: Event = {"logger": record.name, "message": record.getMessage()}
        if record.exc_info and record.exc_info[1] is not None:
            told["traceback"] = "".join(traceback.format_exception(record.exc_info[1]))
        self._write("log", told, record.levelname.lower())

    def _trial(self, trial: Trial, worker: str) -> Event:
        failure = trial.failure
        about: Event = {
            "trial": trial.number,
            "id": trial.id,
            "status": trial.status.value,
            "metrics": trial.metrics,
            "violation": trial.violation,
            "budget": trial.budget,
            "seconds": trial.seconds,
            "worker": worker,
            "failure": {"kind": failure.kind, "message": failure.message} if failure else None,
        }
        level = "warning" if trial.status is Status.FAILED else "info"
        return self._event("trial.finished", about, level)

    def _front_changed(self, progress: Progress) -> list[Event]:
        numbers = [trial.number for trial in progress.front]
        if numbers == self._front:
            return []
        # what earlier sessions found is no change
        before, self._front = self._front, numbers
        if before is None and not progress.new:
            return []
        return [self._event("front.changed", {"trials": numbers})]

    def _write(self, event: str, about: Mapping[str, Any], level: str = "info") -> None:
        self._file.write([self._event(event, about, level)])

    def _event(self, event: str, about: Mapping[str, Any], level: str = "info") -> Event:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {"time": now, "level": level, "event": event, "study": self._name, **about}


def with_log(
    stack: ExitStack, path: str | Path | None, study: str, archive: str | Path, *rest: Observer
) -> Observer | None:
    """Return who watches a search: a log if a path is given, and the rest.

    Args:
        stack: closes the log.
        path: of the log, or None.
        study: name of the study.
        archive: path of the archive, which cannot be the log.
        rest: observers beside the log.

    Raises:
        ConfigError: the log cannot be written, or is something else than a log.
    """
    if path is None:
        return Observers(rest) if rest else None
    if Path(path).resolve() == Path(archive).resolve():
        raise ConfigError(f"log {str(path)!r} is the archive: name another file")
    return Observers([stack.enter_context(EventLog(path, study)), *rest])


def _figures(progress: Progress) -> Event:
    return {
        "done": progress.done,
        "failed": progress.failed,
        "turned_away": progress.turned_away,
        "reused": progress.reused,
        "running": progress.running,
        "front": len(progress.front),
        "seconds": progress.seconds,
        "seconds_left": progress.seconds_left,
        "rate": progress.rate,
        "idle": progress.idle,
        "incidents": progress.incidents,
        "stuck": progress.stuck,
    }


def _versions() -> dict[str, str]:
    """Return the versions of Python, of every plugin's distribution, and of what they rest on."""
    plugins = {e.dist.name: e.dist.version for e in _plugins() if e.dist is not None}
    beside = {}
    for name in BESIDE:
        try:
            beside[name] = version(name)
        except PackageNotFoundError:
            continue
    return {"python": ".".join(map(str, sys.version_info[:3])), **beside, **plugins}


def _plugins() -> Iterable[Any]:
    return entry_points(group=hookspecs.PROJECT)
