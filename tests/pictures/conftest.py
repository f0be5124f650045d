"""What the tests of pictures share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from drawn import RANDOM, RECORDS, metrics, record, write

from nas import Archive
from nas.cli.main import main

pytest.importorskip("plotly")
pytest.importorskip("kaleido")

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a front, dominated, infeasible and failed trials, and one at random beside."""
    path = tmp_path_factory.mktemp("pictures") / "cells.db"
    write(path, [record(n, metrics(5 * n)) for n in range(20)], name="random", config=RANDOM)
    return write(path, RECORDS)


@pytest.fixture
def archive(path: Path) -> Iterator[Archive]:
    with Archive(path) as opened:
        yield opened


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes an archive of records."""
    return lambda records, **more: write(tmp_path / "a.db", records, **more)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Return what runs ``nas`` in an empty folder: code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def ran(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, words)])
        code = main()
        said = capsys.readouterr()
        return code, said.out, said.err

    return ran
