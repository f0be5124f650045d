"""A file of JSON lines: whole lines only, whatever happens to the disk or the process."""

from __future__ import annotations

import json
import logging
import math
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nas.errors import ConfigError

log = logging.getLogger(__name__)

Event = dict[str, Any]


class LogFile:
    """A file to which whole lines are appended, by any thread.

    A write that fails loses its lines, never the search: there is one warning, and once writing
    works again the file says how many lines it misses.

    Raises:
        ConfigError: the file cannot be written, or is something else than a log.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        try:
            self._descriptor = os.open(
                self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666
            )
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from None
        self._lock = threading.Lock()
        self._missing, self._told = 0, False
        try:
            self._torn = self._ends_torn()
        except (OSError, ConfigError):
            os.close(self._descriptor)
            raise

    def _unusable(self, why: str) -> ConfigError:
        return ConfigError(
            f"log {str(self._path)!r} cannot be written: {why}; name a new file in a folder that "
            "exists, a log to append to, or /dev/stderr"
        )

    def _ends_torn(self) -> bool:
        """Tell whether a killed process left half a line; refuse what is no log."""
        about = os.fstat(self._descriptor)
        if not stat.S_ISREG(about.st_mode) or not about.st_size:
            return False
        if os.pread(self._descriptor, 1, 0) != b"{":
            raise self._unusable("it holds something else, not one JSON object a line")
        return os.pread(self._descriptor, 1, about.st_size - 1) != b"\n"

    def write(self, events: Sequence[Event]) -> None:
        """Append events in one go: lines of several threads never mix."""
        if not events:
            return
        problem = None
        with self._lock:
            lines = list(map(_line, self._gap(events[0]) + list(events)))
            try:
                self._append("".join(lines).encode())
            except OSError as error:
                self._missing += len(events)
                problem = error
            else:
                self._missing = 0
        if problem is not None and not self._told:
            self._told = True
            log.warning(
                "log %r cannot be written any more, the search goes on without it: %s",
                str(self._path),
                problem.strerror or problem,
            )

    def _gap(self, event: Event) -> list[Event]:
        if not self._missing:
            return []
        common = {key: event[key] for key in ("time", "study")}
        return [{**common, "level": "warning", "event": "log.gap", "lines": self._missing}]

    def _append(self, data: bytes) -> None:
        if self._torn:
            data = b"\n" + data
        while data:
            written = os.write(self._descriptor, data)
            self._torn = data[written - 1 : written] != b"\n"
            data = data[written:]

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _line(event: Event) -> str:
    try:
        return json.dumps(event, allow_nan=False) + "\n"
    except (ValueError, TypeError):
        return json.dumps(_plain(event), allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Return the value in plain JSON: NaN and infinities are null, what is no JSON is a text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
