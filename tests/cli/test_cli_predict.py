"""``nas predict``: whose networks, in which order, and how far it is to be believed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nas as api

Nas = Callable[..., Any]
TOY = Path(__file__).parents[1] / "files" / "toy.py"
SEARCH = (
    'study = "t"\nobjectives = ["total", "spread"]\nspace = "toy"\nevaluator = "tally"\n'
    'strategy = "random"\nstop.trials = 40\nrun.executor = "inline"\n'
)
RIDGE = ("--plugin", TOY, "--predictor", "ridge")


@pytest.fixture
def predict(nas: Nas, tmp_path: Path) -> Nas:
    """Return what predicts from 40 of 125 numbers."""
    (tmp_path / "toy.toml").write_text(SEARCH)
    assert nas("search", "toy.toml", "--plugin", TOY, "--quiet").code == 0

    def run(*words: object) -> Any:
        return nas("predict", "nas.db", *RIDGE, *words)

    return run


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def trained(path: Path = Path("nas.db")) -> dict[str, float]:
    with api.Archive(path) as archive:
        return {t.architecture.to_json(): t.metrics["total"] for t in archive.trials()}


class TestTargets:
    def test_all_that_was_not_trained_the_best_first(self, predict: Nas) -> None:
        rows = table(predict("--all", "--csv").out)
        known = trained()
        assert len(rows) == len({row["architecture"] for row in rows}) == 125 - len(known)
        assert not {row["architecture"] for row in rows} & known.keys()
        means = [float(row["mean"]) for row in rows]
        assert means == sorted(means)
        totals = [sum(json.loads(row["decisions"]).values()) for row in rows]
        errors = [abs(m - t) for m, t in zip(means, totals, strict=True)]
        assert sum(errors) / len(errors) < 0.5  # a sum is linear
        assert {row["trained"] for row in rows} == {""}

    def test_the_other_way_round_where_more_is_better(self, predict: Nas) -> None:
        rows = table(predict("--all", "--csv", "--metric", "spread").out)
        means = [float(row["mean"]) for row in rows]
        assert means == sorted(means, reverse=True)

    def test_a_sample(self, predict: Nas) -> None:
        first = table(predict("--space-sample", 12, "--csv").out)
        assert len(first) == len({row["canonical_id"] for row in first}) == 12
        assert not {row["architecture"] for row in first} & trained().keys()
        assert table(predict("--space-sample", 12, "--csv").out) == first
        other = table(predict("--space-sample", 12, "--csv", "--seed", 1).out)
        assert {r["architecture"] for r in other} != {r["architecture"] for r in first}
        assert len(table(predict("--csv").out)) == 125 - 40  # by default 1000: all that there are

    def test_those_that_are_named(self, predict: Nas, tmp_path: Path) -> None:
        known, value = next(iter(trained().items()))
        fresh = table(predict("--space-sample", 1, "--csv").out)[0]["architecture"]
        rows = table(predict("--arch", known, "--arch", fresh, "--arch", fresh, "--csv").out)
        found = {row["architecture"]: row["trained"] for row in rows}
        assert found == {known: str(value), fresh: ""}
        (tmp_path / "some.txt").write_text(f"# two\n{known}\n\n{fresh}\n")
        assert table(predict("--file", "some.txt", "--csv").out) == rows
        assert "trained" in predict("--file", "some.txt").out

    def test_nothing_is_left(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "toy.toml").write_text(SEARCH.replace("40", "125"))
        nas("search", "toy.toml", "--plugin", TOY, "--quiet", "--archive", "full.db")
        done = nas("predict", "full.db", *RIDGE)
        assert done.code == 0
        assert "No network of the space is left" in done.out


class TestOutput:
    def test_a_table_and_what_it_is_worth(self, predict: Nas) -> None:
        done = predict("--space-sample", 30, "--top", 4)
        assert (done.code, done.err) == (0, "")
        assert "How ridge predicted total of networks that it had not seen" in done.out
        assert "5-fold cross-validation on 40 trials of 40 networks of study t" in done.out
        assert "no params or flops to compare with" in done.out  # all are of one size
        assert "Predicted total of 30 architectures" in done.out
        assert "total ↓" in done.out
        assert "… and 26 more" in done.out
        assert len([line for line in done.out.splitlines() if '{"d0":' in line]) == 4

    def test_json_has_everything(self, predict: Nas) -> None:
        words = ("--space-sample", 9, "--set", "target=raw", "--folds", 4, "--json")
        document = json.loads(predict(*words).out)
        assert document["predictor"] == "ridge"
        assert document["parameters"] == {"target": "raw"}
        assert (document["metric"], document["direction"]) == ("total", "minimize")
        validation = document["validation"]
        assert validation["folds"] == 4
        assert validation["rankings"][0]["name"] == "predictor:ridge"
        assert validation["rankings"][0]["spearman"] > 0.95
        assert 0.8 <= validation["coverage"] <= 1
        assert validation["mae"] <= validation["rmse"] < validation["baseline"]
        assert len(document["predictions"]) == 9
        assert document["predictions"][0].keys() == {
            "mean",
            "std",
            "trained",
            "architecture",
            "canonical_id",
            "decisions",
        }

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["--all", "--file", "x"], "--file and --all exclude each other"),
            (["--json", "--csv"], "exclude each other"),
            (["--metric", "totl"], "Did you mean 'total'"),
            (["--direction", "up"], "minimize or maximize, not 'up'"),
            (["--study", "absent"], "absent"),
            (["--arch", "{}"], "decision 'd0' is missing"),
            (["--file", "absent.txt"], "absent.txt"),
            (["--predictor", "rigde"], "Did you mean 'ridge'"),
        ],
        ids=str,
    )
    def test_mistakes(self, predict: Nas, words: list[str], named: str) -> None:
        done = predict("--metric", "spread", *words)
        assert (done.code, done.out) == (2, "")
        assert named in done.err

    def test_a_space_too_large_to_list(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "toy.toml").write_text(SEARCH.replace('"toy"', '{name = "toy", length = 12}'))
        assert nas("search", "toy.toml", "--plugin", TOY, "--quiet").code == 0
        done = nas("predict", "nas.db", *RIDGE, "--all")
        assert done.code == 2
        assert "draw some with --space-sample" in done.err
        assert "1,000 architectures" in nas("predict", "nas.db", *RIDGE).out
