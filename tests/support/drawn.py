"""Archives that the tests of pictures and reports draw."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas import Architecture, CurvePoint, Failure, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.goals import losses, violation
from nas.incident import Incident
from nas.study import Study

EDGES = ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
GOALS = (Goal("error"), Goal("params", unit="parameters", high=100_000))
CONFIG: dict[str, Any] = {
    "study": "cells",
    "seed": 3,
    "objectives": [{"name": "error"}, {"name": "params", "max": 100_000}],
    "space": {"name": "nas201", "cells": 1, "channels": 8},
    "data": {"name": "digits"},
    "evaluator": {"name": "train", "epochs": 3},
    "strategy": {"name": "regularized_evolution", "population": 8},
    "scheduler": None,
    "stop": {"trials": 28, "seconds": None},
}
RANDOM = {**CONFIG, "study": "random", "strategy": {"name": "random"}}
SPACE = ComponentRecord("space", "cells:nas201", {"cells": 1, "channels": 8}, "plugnas", "0.1.0")


def cell(number: int) -> tuple[Architecture, str]:
    """Return the cell of that number and its text."""
    chosen = [OPERATIONS[(number // 5**i) % 5] for i in range(6)]
    named = dict(zip(EDGES, chosen, strict=True))
    text = "+".join(
        "|" + "".join(f"{named[f'{i}_{j}']}~{i}|" for i in range(j)) for j in range(1, 4)
    )
    return Architecture([(f"edge_{edge}", named[edge]) for edge in EDGES]), text


def record(
    number: int, metrics: dict[str, float], goals: Sequence[Goal] = GOALS, **more: Any
) -> Record:
    """Return a complete trial of 10 seconds, one after the other from the time 1000 on."""
    architecture, text = cell(more.pop("cell", 37 * number + 11))
    trial = Trial(
        number,
        architecture,
        Status.COMPLETE,
        losses(goals, metrics),
        violation(goals, metrics),
        metrics,
        seed=number,
        budget=3,
        seconds=8.0,
    )
    curve = tuple(CurvePoint(s, {"error": metrics.get("error", 1.0) + 1 / s}) for s in (1, 2, 3))
    worker = f"box pid {number % 2}"
    started = 1000.0 + 10 * number
    kept: dict[str, Any] = {"curve": curve, "worker": worker, "started": started, **more}
    return Record(trial, f"id{number}", text, **kept)


def failed(number: int, kind: str, message: str) -> Record:
    """Return a trial that failed."""
    done = record(number, {"error": 1.0, "params": 1.0})
    failure = Failure(kind, message)
    lost = replace(done.trial, status=Status.FAILED, metrics={}, losses=(), failure=failure)
    return replace(done, trial=lost, curve=())


def metrics(number: int) -> dict[str, float]:
    """Return an error that falls and params that rise with ``number % 7``, and noise."""
    return {
        "error": 0.5 / (1 + number % 7) + 0.003 * (number * 13 % 11),
        "params": 9_000.0 * (1 + number % 7) + 500.0 * (number * 5 % 3),
        "loss": 0.1 + 0.01 * (number % 5),
    }


def scores(number: int) -> tuple[Score, ...]:
    architecture, _ = cell(37 * number + 11)
    return (Score("proxy:gradsign", architecture, f"id{number}", float(number % 7)),)


RECORDS = [
    *(record(n, metrics(n), scores=scores(n)) for n in range(24)),
    failed(24, "non-finite", "loss is nan"),
    failed(25, "error", "ValueError: no"),
    failed(26, "error", "another"),
    record(27, {"error": 0.01, "params": 300_000.0, "loss": 0.1}),
]


def write(
    path: Path,
    records: Sequence[Record],
    *,
    name: str = "cells",
    goals: Sequence[Goal] = GOALS,
    config: dict[str, Any] = CONFIG,
    incidents: Sequence[Incident] = (),
    space: ComponentRecord = SPACE,
) -> Path:
    """Write a study into an archive, new or not."""
    with Writer.open(path) as writer:
        study = writer.study(Study(name, "", tuple(goals), config, 3, 4), [space])
        writer.record(study, records)
        if incidents:
            writer.incidents(study, incidents)
        writer.close_session(study, "finished", f"{len(records)} trials are done")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE sessions SET began = 990, heartbeat = 1400, ended = 1400")
    return path
