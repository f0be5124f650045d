"""What the tests of the command line share: running it, and archives to look at."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas import Architecture, CurvePoint, Failure, Goal, Measurement, Status, Trial
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.cli.main import main
from nas.goals import losses, violation
from nas.study import Study

TOY = Path(__file__).parents[1] / "files" / "toy.py"
CELL = "|{}~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"
GOALS = (
    Goal("error"),
    Goal("params", unit="parameters", high=200_000),
    Goal("latency", unit="s"),
)
SPACE = ComponentRecord("space", "cells:nas201", {"cells": 1, "channels": 8}, "plugnas", "0.1.0")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Nas = Callable[..., Done]


@pytest.fixture
def nas(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Nas:
    """Return what runs ``nas`` in this process, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("COLUMNS", "FORCE_COLOR", "NAS_DEBUG"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: object, **environment: str) -> Done:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["nas", *map(str, arguments)])
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            code = main()
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


def process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run ``nas`` in a process of its own; ``env`` is added to the environment."""
    env = {**os.environ, **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, "-m", "nas", *map(str, arguments)],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


@pytest.fixture
def nas_process() -> Callable[..., subprocess.CompletedProcess[str]]:
    return process


def cell(operation: str) -> Architecture:
    """Return a NAS-Bench-201 cell whose first edge is ``operation``; see ``CELL``."""
    edges = ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")
    others = ("nor_conv_3x3", "none", "skip_connect", "nor_conv_1x1", "avg_pool_3x3")
    return Architecture(zip((f"edge_{e}" for e in edges), (operation, *others), strict=True))


def record(number: int, metrics: dict[str, float], operation: str, **more: object) -> Record:
    trial = Trial(
        number,
        cell(operation),
        Status.COMPLETE,
        losses(GOALS, metrics),
        violation(GOALS, metrics),
        {**metrics, "loss": 0.5},
        seed=number + 7,
        budget=12,
        seconds=61.5,
        parents=more.pop("parents", ()),
    )
    return Record(trial, f"id{number}", CELL.format(operation), worker="box pid 7", **more)


def failed(number: int, failure: Failure, operation: str = "none") -> Record:
    trial = Trial(number, cell(operation), Status.FAILED, seed=1, budget=12, failure=failure)
    return Record(trial, f"id{number}", CELL.format(operation))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A study with a front of two, a dominated, an infeasible and a failed trial."""
    path = tmp_path / "an archive.db"
    curve = tuple(CurvePoint(s, {"loss": 2.0 / s, "error": 0.9 / s}) for s in range(1, 31))
    protocol = {"batch": 1, "device": "cpu"}
    measured = {"latency": Measurement(0.00125, 0.00004, protocol)}
    scores = tuple(
        Score("proxy:gradsign", cell(operation), canonical_id, value)
        for operation, canonical_id, value in (
            ("none", "id9", 100.0),
            ("skip_connect", "id1", 300.0),
            ("avg_pool_3x3", "id8", None),
        )
    )
    first = {"error": 0.0312, "params": 77_850.0, "latency": 0.00125}
    second = {"error": 0.25, "params": 9_000.0, "latency": 0.0005}
    worse = {"error": 0.5, "params": 90_000.0, "latency": 0.01}
    with Writer.open(path) as writer:
        study = Study("digits", "", GOALS, {"seed": 3}, 3, 8)
        study = writer.study(study, [SPACE])
        writer.record(
            study,
            [
                record(0, first, "nor_conv_1x1", curve=curve, measurements=measured),
                record(1, second, "skip_connect", parents=(0,), scores=scores),
                record(2, worse, "nor_conv_3x3", parents=(1,)),
                failed(3, Failure("non-finite", "loss is nan", "Traceback:\n  line 1\n")),
                record(4, {**worse, "error": 0.001, "params": 3e5}, "avg_pool_3x3"),
            ],
        )
        writer.close_session(study, "finished", "5 trials are done")
    return path


TOY_SEARCH = """
study = "toy"
objectives = ["total", "spread"]
space = "toy"
strategy = "listed"
[evaluator]
name = "tally"
[stop]
trials = 12
[run]
executor = "inline"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A search that takes no time; it needs ``--plugin`` with ``TOY``."""
    path = tmp_path / "toy search.toml"
    path.write_text(TOY_SEARCH)
    return path
