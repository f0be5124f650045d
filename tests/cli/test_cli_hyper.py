"""What the command line says of hyper-parameters and of stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Nas = Callable[..., Any]

TUNED = Path(__file__).parents[1] / "files" / "tuned.py"
CONFIG = """
study = "tuned"
objectives = ["tuned_loss"]
space = "trio"
strategy = "random"

[evaluator]
name = "staged"
evaluator = "tuned"
fidelity = { share = [0.5, 1.0], space.width = [2, 4] }

[hyper]
evaluator.rate = { low = 1e-4, high = 1.0, log = true }
evaluator.mode = { choices = ["blunt", "sharp"] }

[stop]
trials = 4

[run]
executor = "inline"
"""


def test_a_search_and_its_trials(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text(CONFIG)
    done = nas("search", "tuned.toml", "--plugin", TUNED)
    assert done.code == 0, done.err
    shown = nas("show", "nas.db", 1, "--plugin", TUNED).out
    assert "hyper.evaluator.rate" in shown
    curve = shown[shown.index("Learning curve") :].splitlines()
    assert curve[1].split() == ["step", "share", "space.width", "loss"]
    assert [line.split()[:3] for line in curve[3:5]] == [["1", "0.5", "2"], ["2", "1.0", "4"]]
    document = json.loads(nas("show", "nas.db", 1, "--json").out)
    assert set(document["decisions"]) >= {"first", "second", "hyper.evaluator.mode"}
    assert document["stages"] == [
        {"share": 0.5, "space.width": 2},
        {"share": 1.0, "space.width": 4},
    ]


def test_status_says_what_a_step_is(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text(CONFIG)
    nas("search", "tuned.toml", "--plugin", TUNED)
    said = nas("status", "nas.db").out
    assert "Step 1: share 0.5, space.width 2" in said
    assert "Step 2: share 1.0, space.width 4" in said
    assert len(json.loads(nas("status", "nas.db", "--json").out)["stages"]) == 2


def test_mistakes_are_named(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text(CONFIG)
    command = ["search", "tuned.toml", "--plugin", TUNED, "--set"]
    done = nas(*command, "hyper.evaluator.rte={low=1,high=2}")
    assert done.code != 0
    assert "hyper: with evaluator.rte = 1" in done.err
    assert "Did you mean 'rate'?" in done.err
    done = nas(*command, "evaluator.fidelity={shore=[0.1,1.0]}")
    assert done.code != 0
    assert "Did you mean 'share'?" in done.err


def test_a_space_with_its_ranges(nas: Nas) -> None:
    done = nas("space", "nas201", "--set", "hyper={lr={low=1e-4,high=1e-1,log=true}}")
    assert done.code == 0
    assert "hyper.lr" in done.out
    assert "0.0001, 0.000124961 … 0.1" in done.out
    done = nas("space", "nas201", "--set", "hyper={lr={low=1}}")
    assert done.code != 0
    assert "hyper.lr: a range has low and high" in done.err


def test_scores_are_those_of_the_networks(nas: Nas, tmp_path: Path) -> None:
    (tmp_path / "tuned.toml").write_text(CONFIG)
    nas("search", "tuned.toml", "--plugin", TUNED, "--set", "stop.trials=24")
    done = nas(
        *("score", "nas.db", "--proxy", "weight", "--plugin", TUNED, "--executor", "inline"),
        *("--archive", "nas.db", "--json"),
    )
    assert done.code == 0, done.err
    scored = json.loads(done.out)["architectures"]
    assert len(scored) == 24
    by_network: dict[str, set[float]] = {}
    for row in scored:
        network = {k: v for k, v in row["decisions"].items() if not k.startswith("hyper.")}
        by_network.setdefault(json.dumps(network), set()).add(row["proxy:weight"])
    assert len(by_network) < 24
    assert all(len(values) == 1 for values in by_network.values())
    assert nas("rank", "nas.db", "--plugin", TUNED).code == 0
