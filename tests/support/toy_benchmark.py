"""A benchmark on a table of 125 rows, with plugins of ``tests/files/toy.py``."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toys import TOY

from nas.benchmark.config import load_benchmark
from nas.benchmark.plan import Plan, plan
from nas.benchmark.report import TableReport, report
from nas.benchmark.running import Outcome, Progress, run
from nas.plugins import PluginFile, Plugins

HEADER = ["architecture", "valid", "test", "cost"]


def row_of(digits: Sequence[int]) -> list[float]:
    """Return valid, test and cost: the best by valid, 444, is not the best by test, 440."""
    valid = float(sum(digits))
    return [valid, valid - 3 * (digits[2] == 4), float(digits[0] ** 2 + digits[1])]


def table(folder: Path) -> str:
    """Write the table; return its path."""
    path = folder / "toy.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for digits in itertools.product(range(5), repeat=3):
            writer.writerow(
                [json.dumps({f"d{i}": d for i, d in enumerate(digits)}), *row_of(digits)]
            )
    return str(path)


def values(folder: Path, **changes: Any) -> dict[str, Any]:
    """A benchmark of two strategies and random search."""
    return {
        "name": "small",
        "seeds": 3,
        "trials": 12,
        "tables": [entry(folder)],
        "strategies": [
            {"name": "regularized_evolution", "population": 4, "sample": 2, "label": "RE 4/2"},
            "climb",
        ],
        "run": {"executor": "inline"},
        **changes,
    }


def entry(folder: Path, **changes: Any) -> dict[str, Any]:
    """What the benchmark says of its table."""
    return {
        "name": "toy",
        "space": "toy",
        "evaluator": {"name": "tabular", "path": table(folder)},
        "objectives": [{"name": "reported", "metric": "valid", "direction": "maximize"}],
        "judge": {"metric": "test", "direction": "maximize"},
        "target": 8,
        **changes,
    }


def planned(source: Any, *plugins: Path) -> Plan:
    """Check a benchmark."""
    files = [PluginFile.read(path) for path in (TOY, *plugins)]
    return plan(load_benchmark(source, Plugins(files)), files)


def ran(
    source: Any, archive: Path, *plugins: Path, seen: list[Progress] | None = None
) -> tuple[Outcome, list[TableReport]]:
    """Run a benchmark in this process; return how it ended, and what it has shown."""
    checked = planned(source, *plugins)
    watch = (lambda now: None) if seen is None else seen.append
    outcome = run(checked, archive, [TOY, *plugins], watch)
    return outcome, report(checked, archive)
