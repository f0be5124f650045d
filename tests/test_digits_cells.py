"""The table ``digits-cells``: whole, true to the trainings it tells of, ready to be searched."""

from __future__ import annotations

import csv
import gzip
import json
import runpy
import sys
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import nas
from nas.cli.main import main
from nas_evaluators.tables import NAMED

ROOT = Path(__file__).parents[1]
TABLE = NAMED["digits-cells"]
EPOCHS, VALIDATION, TEST = 5, 1079, 359
CURVES = {"error", "loss", "train_loss", "seconds"}
NEAR = {"error": 0.06, "loss": 0.02}
"""How far from the table's a metric may be where torch computes convolutions in another way."""


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with gzip.open(TABLE.path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "make_digits_cells.py"))


def space(**changes: Any) -> nas.Space:
    parameters = {**TABLE.space, **changes}
    return nas.space(parameters.pop("name"), **parameters)


def evaluator(**changes: Any) -> nas.Evaluator:
    return nas.evaluator("tabular", **{"path": "digits-cells", "seconds": "seconds", **changes})


def evaluated(
    cell: nas.Architecture, of: nas.Evaluator | None = None, where: nas.Space | None = None
) -> tuple[dict[str, float], list[tuple[int, dict[str, float]]]]:
    """Return metrics and learning curve."""
    curve: list[tuple[int, dict[str, float]]] = []
    task = nas.Task(where or space(), cell, None, None, seed=0)
    report = lambda step, metrics, snapshot=None: curve.append((step, dict(metrics)))  # noqa: E731
    return dict((of or evaluator()).evaluate(task, report).metrics), curve


def test_it_has_every_cell_of_its_space() -> None:
    where = space()
    known = evaluator().known(where)
    assert known is not None
    assert len(known) == len(set(known)) == 4**6
    assert set(known) == set(where.architectures())
    assert len({where.canonical_id(cell) for cell in known}) == 1111


def test_all_that_it_says_is_complete_and_possible(rows: list[dict[str, str]]) -> None:
    where, by_evaluator = space(), evaluator()
    for row in rows[::40]:
        metrics, curve = evaluated(where.parse(row["arch"]), by_evaluator)
        assert [step for step, _ in curve] == list(range(1, EPOCHS + 1))
        for _, point in curve:
            assert set(point) >= CURVES
            assert 0 <= point["error"] <= 1
            assert min(point["loss"], point["train_loss"]) > 0
        seconds = [point["seconds"] for _, point in curve]
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
        assert metrics["train_seconds"] == seconds[-1]
        assert set(metrics) >= {*CURVES, "test_error", "params", "flops"}


def test_means_are_means_of_the_seeds(rows: list[dict[str, str]]) -> None:
    for row in rows:
        for name, samples in (("error", VALIDATION), ("test_error", TEST)):
            mean, *each = (
                float(row[f"{name}{part}@{EPOCHS}"]) for part in ("", "_seed0", "_seed1")
            )
            assert mean == pytest.approx(sum(each) / 2, abs=2e-5)
            assert all(abs(one * samples - round(one * samples)) < 0.01 for one in each)


def test_the_same_network_has_the_same_results(rows: list[dict[str, str]]) -> None:
    where = space()
    results = defaultdict(set)
    for row in rows:
        of_itself = {"arch", "params", "flops"}
        result = tuple(value for name, value in row.items() if name not in of_itself)
        results[where.canonical_id(where.parse(row["arch"]))].add(result)
    assert {len(found) for found in results.values()} == {1}
    assert len(set.union(*results.values())) == len(results)


def test_sizes_are_those_of_the_networks(rows: list[dict[str, str]]) -> None:
    where = space()
    for row in rows[::1000]:
        for name in ("params", "flops"):
            size = nas.objective(name).estimate(where, where.parse(row["arch"]))
            assert float(row[name]) == size


def test_networks_differ(rows: list[dict[str, str]]) -> None:
    errors = sorted(float(row[f"error@{EPOCHS}"]) for row in rows)
    low, middle, high = (errors[int(share * (len(errors) - 1))] for share in (0.05, 0.5, 0.95))
    assert low < 0.2 < middle < high
    assert len(set(errors)) > 300


def test_an_earlier_epoch_knows_nothing_of_later_ones() -> None:
    cell = space().parse("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|none~0|none~1|nor_conv_3x3~2|")
    early, curve = evaluated(cell, evaluator(at=2))
    assert curve == evaluated(cell)[1][:2]
    assert set(early) == {*CURVES, "train_seconds", "params", "flops"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cells": 5}, "cells = 1, not 5; expected space = "),
        ({"channels": 16}, "channels = 4, not 16"),
        ({"input_shape": (3, 32, 32)}, r"input_shape = \[1, 8, 8\], not \[3, 32, 32\]"),
        ({"classes": 100}, "classes = 10, not 100"),
        ({"operations": ["none", "avg_pool_3x3"]}, r"not \['none', 'avg_pool_3x3'\]"),
    ],
)
def test_other_networks_are_refused(changes: dict[str, Any], message: str) -> None:
    where = space(**changes)
    with pytest.raises(nas.ConfigError, match=message):
        evaluated(next(where.architectures()), where=where)
    with pytest.raises(nas.ConfigError, match="'digits-cells' is of networks with"):
        evaluator().known(where)


def test_what_is_expected_can_be_pasted_into_a_config() -> None:
    with pytest.raises(nas.ConfigError) as caught:
        evaluator().known(space(cells=2))
    line = str(caught.value).partition("expected ")[2]
    assert tomllib.loads(line)["space"] == TABLE.space


def test_a_name_is_the_table_and_a_path_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("digits-cells").write_text("arch,error\n|none~0|,1\n")
    assert evaluator().budget == EPOCHS
    assert nas.evaluator("tabular", path="./digits-cells").metrics == ("error",)


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises((nas.ComponentError, nas.ConfigError)) as caught:
        evaluator(path="digit-cells")
    assert "there is no table 'digit-cells'. Did you mean 'digits-cells'?" in str(caught.value)
    with pytest.raises((nas.ComponentError, nas.ConfigError), match="package: digits-cells"):
        evaluator(path="unheard-of")


def test_a_search_on_the_command_line_finds_a_good_cell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    rows: list[dict[str, str]],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nas", "search", str(ROOT / "examples" / "table.toml")])
    assert main() == 0
    assert "Front of table" in capsys.readouterr().out
    errors = {row["arch"]: float(row[f"error@{EPOCHS}"]) for row in rows}
    with nas.Archive("nas.db") as archive:
        trials = archive.trials("table")
    found = min(trial.metrics["error"] for trial in trials)
    assert sum(error < found for error in errors.values()) <= len(errors) / 100
    where = space()
    assert all(t.metrics["error"] == errors[where.format(t.architecture)] for t in trials)


def test_a_benchmark_can_be_made_of_what_it_says_of_itself(tmp_path: Path) -> None:
    said = TABLE.benchmark("digits-cells")
    values = {
        "study": "b",
        "strategy": "random",
        "stop": {"trials": 3},
        "run": {"executor": "inline"},
        **{key: said[key] for key in ("space", "evaluator", "objectives")},
    }
    result = nas.search(json.loads(json.dumps(values)), tmp_path / "a.db")
    assert [trial.status for trial in result.trials] == [nas.Status.COMPLETE] * 3
    assert said["judge"]["metric"] in evaluator().metrics


def test_the_script_makes_the_same_rows_again(
    tmp_path: Path, script: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    raw, table = tmp_path / "raw.jsonl", tmp_path / "table.csv.gz"
    script["train"](raw, "1/1", 1)
    once = raw.read_text()
    assert once.count("\n") == 2
    raw.write_text(once[:-30])  # as a kill would leave it
    script["train"](raw, "1/1", 1)
    again = [json.loads(line) for line in raw.read_text().splitlines()]
    for before, after in zip(map(json.loads, once.splitlines()), again, strict=True):
        assert {**before, "seconds": None} == {**after, "seconds": None}
    script["pack"]([raw], table)
    with gzip.open(table, "rt", encoding="utf-8", newline="") as file:
        made = list(csv.DictReader(file))
    kept = [row for row in rows if row["trained"] == made[0]["trained"]]
    assert [row["arch"] for row in made] == [row["arch"] for row in kept]
    for new, old in zip(made, kept, strict=True):
        assert list(new) == list(old)
        assert (new["params"], new["flops"]) == (old["params"], old["flops"])
        for name in list(new)[2:-2]:
            if not name.startswith("seconds"):
                near = NEAR["loss" if "loss" in name else "error"]
                assert float(new[name]) == pytest.approx(float(old[name]), abs=near), name


def test_the_file_depends_on_its_rows_alone(
    tmp_path: Path, script: dict[str, Any], rows: list[dict[str, str]]
) -> None:
    script["write"](tmp_path / "table.csv.gz", rows)
    written, packaged = (tmp_path / "table.csv.gz").read_bytes(), TABLE.path.read_bytes()
    assert gzip.decompress(written) == gzip.decompress(packaged)
    assert written[4:8] == packaged[4:8] == bytes(4)  # the time that gzip would keep
    assert len(packaged) < 1_000_000
