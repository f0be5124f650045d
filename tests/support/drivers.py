"""Searches in processes of their own, to be killed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from toys import rows

import nas

_DRIVE = """
import json, sys, nas
values, archive, plugins, address = json.loads(sys.argv[1])
result = nas.search(values, archive, plugins=plugins, address=address)
print(result.reason)
"""
_started: list[subprocess.Popen[str]] = []


def drive(
    values: dict[str, Any],
    archive: Path,
    *plugins: Path,
    address: str | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[str]:
    """Start a search, in a folder, and return at once; it is over when the test is."""
    argument = json.dumps([values, str(archive), list(map(str, plugins)), address])
    process = subprocess.Popen(
        [sys.executable, "-c", _DRIVE, argument],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=cwd,
    )
    _started.append(process)
    return process


def end_all() -> None:
    """Kill what a failed test left running: the next one shall not be blamed for it."""
    while _started:
        with _started.pop() as process:
            process.kill()


def count(archive: Path, table: str = "trials") -> int:
    """Return how many rows a table of an archive has; 0 while it is being made."""
    try:
        return int(rows(archive, f"SELECT count(*) FROM {table}")[0][0]) if archive.exists() else 0
    except Exception:  # noqa: BLE001 - it has no table yet
        return 0


def wait_for(what: Callable[[], Any], process: subprocess.Popen[str], seconds: float = 90) -> Any:
    """Return what ``what`` says as soon as it is true, as long as the process lives."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError(f"nothing within {seconds} s")


def ended(process: subprocess.Popen[str], seconds: float = 120) -> str:
    """Wait for a search that must succeed; return why it says that it ended."""
    out, err = process.communicate(timeout=seconds)
    assert process.returncode == 0, err
    return out.strip()


def session(archive: Path) -> Any:
    """Return the latest session of the study that was last written to."""
    with nas.Archive(archive) as opened:
        return opened.sessions()[-1]


def check_whole(archive: Path) -> None:
    """SQLite finds no fault, and no trial is there twice or missing."""
    assert rows(archive, "PRAGMA integrity_check") == [("ok",)]
    assert rows(archive, "PRAGMA foreign_key_check") == []
    found = rows(archive, "SELECT study, count(*), min(number), max(number) FROM trials GROUP BY 1")
    for _, trials, first, last in found:
        assert (first, last) == (0, trials - 1)


def descendants(pid: int) -> list[int]:
    """Return a process's children, their children, and so on."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    children = [int(child) for path in lists for child in path.read_text().split()]
    return [found for child in children for found in (child, *descendants(child))]


def alive(pid: int) -> str:
    """Return the name of a process; empty if it has ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        name = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if state == "Z" else name
