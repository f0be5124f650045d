"""``nas ui`` in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Served:
    """``nas ui`` in a process of its own."""

    process: subprocess.Popen[str]
    overview: str

    @property
    def root(self) -> str:
        return self.overview.partition("/-/")[0]


@contextmanager
def serving(path: Path, *options: str, within: Sequence[str] = ()) -> Iterator[Served]:
    """Run ``nas ui`` until the end of the ``with``, perhaps within another command."""
    process = subprocess.Popen(
        [
            *within,
            sys.executable,
            "-m",
            "nas",
            "ui",
            str(path),
            "--no-browser",
            *(options or ("--port=0",)),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        cwd="/",
    )
    assert process.stdout is not None
    with process:
        try:
            line = process.stdout.readline().strip()
            assert line.startswith("http://"), process.communicate(timeout=10)
            yield Served(process, line)
        finally:
            process.terminate()


def fetch(url: str) -> str:
    """Return what is at an address."""
    with urllib.request.urlopen(url, timeout=30) as answer:
        return str(answer.read().decode())
