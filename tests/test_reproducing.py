"""Trials run again from their records: every kind of end, and what does not agree."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from found import CELL, searched
from growth import GROWERS, grow
from growth import run as run_growers
from hypothesis import given
from hypothesis import strategies as st
from toys import TOY, rows
from toys import config as toy

import nas
from nas.engine.comparing import compare, curves_part

UNSTEADY = Path(__file__).parent / "files" / "unsteady.py"
FILES = (TOY, UNSTEADY)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of three trained networks."""
    path = tmp_path_factory.mktemp("made") / "a.db"
    searched(path, space=CELL, evaluator={"name": "train", "epochs": 2, "data_share": 0.1})
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "a.db"))


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


def verdicts(found: nas.Reproduced) -> dict[str, str]:
    return {metric.name: metric.verdict for metric in found.metrics}


class TestTraining:
    def test_the_same_bits(self, path: Path) -> None:
        before = hashlib.sha256(path.read_bytes()).digest()
        for id_ in (1, 3):
            found = nas.reproduce(path, id_)
            assert found.agrees
            assert found.exact
            assert found.changes == ()
            seconds = verdicts(found).pop("train_seconds")
            assert seconds in ("measured", "exact")
            assert {v for n, v in verdicts(found).items() if n != "train_seconds"} == {"exact"}
        assert hashlib.sha256(path.read_bytes()).digest() == before

    def test_trained_again_and_reproduced(self, path: Path) -> None:
        done = nas.train_again(path, 2, epochs=3, seeds=2)
        for trial in done.trials:
            found = nas.reproduce(path, trial.id)
            assert found.exact
            assert {m.name: m.now for m in found.metrics}["loss"] == trial.metrics["loss"]

    @pytest.mark.parametrize("metric", ["error", "loss", "params"])
    def test_a_number_that_was_tampered_with(self, path: Path, metric: str) -> None:
        change(
            path, f"UPDATE metrics SET value = value * 1.001 WHERE trial = 2 AND name = '{metric}'"
        )
        found = nas.reproduce(path, 2)
        assert not found.agrees
        assert [n for n, v in verdicts(found).items() if v == "different"] == [metric]
        assert nas.reproduce(path, 1).agrees
        close = nas.reproduce(path, 2, tolerance=0.01)
        assert close.agrees
        assert not close.exact
        assert verdicts(close)[metric] == "close"

    def test_a_curve_that_was_tampered_with(self, path: Path) -> None:
        change(
            path, "UPDATE curves SET value = 0.123 WHERE trial = 2 AND step = 2 AND name = 'loss'"
        )
        found = nas.reproduce(path, 2)
        assert (found.agrees, found.curve_from) == (False, 2)

    def test_a_metric_that_there_is_no_more(self, path: Path) -> None:
        change(path, "DELETE FROM metrics WHERE trial = 2 AND name = 'loss'")
        found = nas.reproduce(path, 2)
        assert not found.agrees
        assert verdicts(found)["loss"] == "missing"

    def test_another_seed(self, path: Path) -> None:
        change(path, "UPDATE trials SET seed = seed + 1 WHERE id = 2")
        found = nas.reproduce(path, 2)
        assert not found.agrees
        assert verdicts(found)["params"] == "exact"

    def test_other_versions_are_named(self, path: Path) -> None:
        change(path, "UPDATE components SET version = '0.0.1' WHERE role = 'evaluator'")
        found = nas.reproduce(path, 2)
        assert found.agrees
        (said,) = found.changes
        assert said.startswith("evaluator evaluators:train is of plugnas ")
        assert said.endswith(", was of plugnas 0.0.1")

    def test_other_data_are_named(self, path: Path) -> None:
        change(path, "UPDATE studies SET evaluation = 'another', seed = 1")
        assert nas.reproduce(path, 2).changes == (
            "the data are not the same, or how they are split",
        )

    def test_with_hyper_parameters(self, tmp_path: Path) -> None:
        rates = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}
        searched(tmp_path / "a.db", hyper=rates, stop={"trials": 2})
        assert nas.reproduce(tmp_path / "a.db", 2).exact

    def test_stopped_ones_at_their_step(self, tmp_path: Path) -> None:
        scheduler = {"name": "asha", "factor": 2}
        evaluator = {"name": "train", "epochs": 4, "data_share": 0.1}
        more = {"scheduler": scheduler, "evaluator": evaluator, "stop": {"trials": 8}}
        trials = searched(tmp_path / "a.db", **more)
        cut_short = [t for t in trials if t.status in ("stopped", "paused")]
        assert cut_short
        for trial in cut_short[:2]:
            found = nas.reproduce(tmp_path / "a.db", trial.id)
            assert found.exact
            assert {"error", "loss"} <= {*verdicts(found)}
        id_ = cut_short[0].id
        change(
            tmp_path / "a.db", f"UPDATE metrics SET value = 7 WHERE trial = {id_} AND name = 'loss'"
        )
        assert verdicts(nas.reproduce(tmp_path / "a.db", id_))["loss"] == "different"


class TestFailures:
    @pytest.fixture
    def made_with(self, tmp_path: Path) -> Any:
        """Return what searches with the evaluator ``unsteady`` that a file tells what to do."""

        def make(said: str, **changes: Any) -> Path:
            (tmp_path / "said").write_text(said)
            evaluator = {"name": "unsteady", "path": str(tmp_path / "said")}
            one = {"name": "fixed", "architectures": [{"d0": 0, "d1": 0, "d2": 1}]}
            values = {"evaluator": evaluator, "strategy": one, "stop": {"trials": 1}, **changes}
            try:
                nas.search(toy(**values), tmp_path / "a.db", plugins=FILES)
            except nas.StudyError:
                assert rows(tmp_path / "a.db", "SELECT status FROM trials") == [("failed",)]
            return tmp_path / "a.db"

        return make

    @pytest.mark.parametrize(
        ("now", "agrees", "kind"),
        [
            ("raise no more room", True, "error"),
            ("raise other words", True, "error"),
            ("nan", False, "non-finite"),
            ("4.5", False, None),
        ],
    )
    def test_does_it_fail_in_the_same_way(
        self, made_with: Any, tmp_path: Path, now: str, agrees: bool, kind: str | None
    ) -> None:
        path = made_with("raise no more room")
        (tmp_path / "said").write_text(now)
        found = nas.reproduce(path, 1, plugins=FILES)
        assert found.agrees is agrees
        assert (found.failure and found.failure.kind) == kind
        assert "no more room" in found.trial.failure.message

    def test_one_that_fails_now(self, made_with: Any, tmp_path: Path) -> None:
        path = made_with("4.5")
        assert nas.reproduce(path, 1, plugins=FILES).exact
        (tmp_path / "said").write_text("raise gone")
        found = nas.reproduce(path, 1, plugins=FILES)
        assert not found.agrees
        assert verdicts(found) == {"total": "missing"}
        (tmp_path / "said").write_text("4.75")
        found = nas.reproduce(path, 1, plugins=FILES)
        assert (verdicts(found), found.curve_from) == ({"total": "different"}, 2)

    def test_what_could_not_be_estimated(self, made_with: Any) -> None:
        path = made_with("1", objectives=["total", "picky"])
        found = nas.reproduce(path, 1, plugins=FILES)
        assert found.agrees
        assert found.failure is not None
        assert found.failure.kind == "not-applicable"

    def test_what_was_measured_differently_decides_nothing(
        self, made_with: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LENGTH", "3.0")
        path = made_with("1", objectives=["total", "length"])
        for length, within in (("3.0", True), ("3.9", True), ("4.1", False)):
            monkeypatch.setenv("LENGTH", length)
            found = nas.reproduce(path, 1, plugins=FILES)
            (measured,) = [m for m in found.metrics if m.name == "length"]
            assert (measured.verdict, measured.within_spread) == ("measured", within)
            assert found.agrees


class TestRefusals:
    @pytest.mark.parametrize(
        ("sql", "said"),
        [
            ("UPDATE trials SET status = 'cancelled' WHERE id = 2", "was cancelled"),
            ("UPDATE trials SET reused = 1 WHERE id = 2", "the result of trial 1 answered it"),
            (
                "UPDATE trials SET status = 'failed', failure_kind = 'crashed', "
                "failure_message = 'signal 9', failure_traceback = '' WHERE id = 2",
                "cannot repeat alone .crashed: signal 9",
            ),
        ],
    )
    def test_what_cannot_be_run_alone(self, path: Path, sql: str, said: str) -> None:
        change(path, sql)
        with pytest.raises(nas.StudyError, match=said):
            nas.reproduce(path, 2)

    def test_a_trial_that_began_with_the_weights_of_another(self, tmp_path: Path) -> None:
        run_growers(grow(), tmp_path / "a.db")
        sql = "SELECT DISTINCT trial FROM rulings WHERE verdict = 'inherit'"
        ((id_,), *_) = rows(tmp_path / "a.db", sql)
        with pytest.raises(nas.StudyError, match="began with the weights of another trial"):
            nas.reproduce(tmp_path / "a.db", id_, plugins=[GROWERS])

    @pytest.mark.parametrize("tolerance", [-0.1, float("nan"), float("inf")])
    def test_tolerances(self, path: Path, tolerance: float) -> None:
        with pytest.raises(nas.ConfigError, match="tolerance must be"):
            nas.reproduce(path, 2, tolerance=tolerance)

    def test_infeasible_ones_have_their_estimates(self, tmp_path: Path) -> None:
        low = {"name": "first", "max": 0}
        values = toy(objectives=["total", low], stop={"trials": 3}, strategy="random")
        nas.search(values, tmp_path / "a.db", plugins=[TOY])
        ((id_,), *_) = rows(tmp_path / "a.db", "SELECT id FROM trials WHERE status = 'infeasible'")
        found = nas.reproduce(tmp_path / "a.db", id_, plugins=[TOY])
        assert verdicts(found) == {"first": "exact"}
        assert found.exact


values = st.floats(allow_nan=True, allow_infinity=False, width=32)


class TestComparing:
    @given(values, values, st.floats(0, 1))
    def test_numbers(self, then: float, now: float, tolerance: float) -> None:
        (found,) = compare({"x": then}, {"x": now}, {}, {}, tolerance)
        if then == now or (then != then and now != now):
            assert found.verdict == "exact"
        elif abs(then - now) <= tolerance * max(abs(then), abs(now)):
            assert found.verdict == "close"
        else:
            assert found.verdict == "different"

    @given(
        st.lists(st.integers(0, 3), max_size=6),
        st.lists(st.integers(0, 3), max_size=6),
    )
    def test_curves(self, then: list[int], now: list[int]) -> None:
        first, second = (
            [nas.CurvePoint(i, {"x": float(x)}) for i, x in enumerate(of, start=1)]
            for of in (then, now)
        )
        parts = next(
            (i for i, (a, b) in enumerate(zip(then, now, strict=False), 1) if a != b), None
        )
        if parts is None and len(then) != len(now):
            parts = min(len(then), len(now)) + 1
        assert curves_part(first, second, 0.0) == parts
