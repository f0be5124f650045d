"""A simulation on the command line: told as one, from its first line to ``nas status``."""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Nas = Callable[..., Any]
TOY = Path(__file__).parents[1] / "files" / "toy.py"
CONFIG = """
study = "plan"
objectives = ["total"]
space = "toy"
window = 20
order = "completion"
strategy = "random"
[evaluator]
name = "tabular"
path = "table.csv"
seconds = "time"
[stop]
trials = 40
[run]
executor = "simulated"
workers = 20
simulation = { lost = 0.5, failures = 0.1 }
"""


@pytest.fixture
def plan(tmp_path: Path) -> str:
    """A table of numbers with three digits, of which each takes an hour."""
    with (tmp_path / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["number", "total", "time"])
        for digits in itertools.product(range(5), repeat=3):
            number = {f"d{i}": digit for i, digit in enumerate(digits)}
            table.writerow([json.dumps(number, separators=(",", ":")), sum(digits), 3600])
    (tmp_path / "plan.toml").write_text(CONFIG)
    return "plan.toml"


def test_time_is_told_as_simulated(nas: Nas, plan: str) -> None:
    done = nas("search", plan, "--plugin", TOY)
    assert done.code == 0
    lines = done.err.splitlines()
    assert lines[0].endswith("; simulated: 20 workers")
    assert lines[-1].startswith("Ended: 40 trials are done; ")
    assert "incidents of the machines (worker: " in lines[-1]
    assert "; simulated " in lines[-1]
    assert not any(line.startswith("worker incident") for line in lines)
    told = nas("status").out.splitlines()
    assert told[0] == "plan: finished: 40 trials are done"
    assert "; simulated " in told[3]
    assert told[3].endswith("% idle")
    lost = [line for line in told if "worker: the simulation lost it after" in line]
    assert lost
    assert all(line.startswith("  after ") for line in lost)
    document = json.loads(nas("status", "--json").out)
    seconds = document["simulated"]["seconds"]
    again = nas("search", plan, "--plugin", TOY, "--archive", "b.db", "--quiet")
    assert again.code == 0
    assert json.loads(nas("status", "b.db", "--json").out)["simulated"]["seconds"] == seconds


def test_going_on_with_other_workers_is_refused(nas: Nas, plan: str) -> None:
    assert nas("search", plan, "--plugin", TOY, "--quiet", "--set", "stop.trials=3").code == 0
    refused = nas("resume", "nas.db", "--plugin", TOY, "--set", "run.workers=5")
    assert refused.code == 2
    assert "run.workers: 20 -> 5" in refused.err


def test_a_table_without_seconds_is_named(nas: Nas, plan: str) -> None:
    text = Path(plan).read_text().replace('seconds = "time"\n', "")
    Path(plan).write_text(text)
    done = nas("search", plan, "--plugin", TOY)
    assert done.code == 2
    assert 'add seconds = "COLUMN"' in done.err
    assert not Path("nas.db").exists()
