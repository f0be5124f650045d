"""The last word on found networks: the test split, with intervals, and nothing that feeds back."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from found import CELL, searched
from toys import rows

import nas
from nas.engine.on_test_split import over_seeds_of
from nas.estimates import wilson

EXAMINERS = Path(__file__).parent / "files" / "examiners.py"
LONGER = {"name": "train", "epochs": 3}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of four networks that have learnt something, all with weights."""
    path = tmp_path_factory.mktemp("made") / "a.db"
    searched(path, evaluator=LONGER, stop={"trials": 4}, weights="all")
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    shutil.copy(made, tmp_path / "a.db")
    shutil.copytree(f"{made}.artifacts", tmp_path / "a.db.artifacts")
    return tmp_path / "a.db"


def by_hand(path: Path, trial: int, size: int | None = None) -> tuple[int, float]:
    """Return how many of the digits' test samples a network gets wrong, and its mean loss."""
    test = nas.dataset("digits").test_split()
    inputs = torch.from_numpy(test.inputs)
    if size is not None:
        shrunk = torch.nn.functional.interpolate(
            inputs.double(), (size, size), mode="bilinear", antialias=True
        )
        inputs = shrunk.round().to(torch.uint8)
    with nas.Archive(path) as archive, torch.no_grad():
        logits = archive.load_model(trial)(inputs)
    targets = torch.from_numpy(test.targets)
    wrong = int((logits.argmax(1) != targets).sum())
    return wrong, torch.nn.functional.cross_entropy(logits, targets).item()


class TestMetrics:
    def test_what_can_be_counted_by_hand(self, path: Path) -> None:
        (found,) = nas.evaluate_on_test(path, [2])
        wrong, loss = by_hand(path, 2)
        error = found.metrics["error"]
        assert (error.value, error.samples, error.method) == (wrong / 359, 359, "wilson")
        assert (error.low, error.high) == wilson(wrong, 359)
        assert found.metrics["loss"].value == pytest.approx(loss, rel=1e-5)
        assert found.metrics["loss"].method == "bootstrap"
        assert {*found.metrics} == {"error", "loss"}
        assert 0 < wrong < 320, "it has learnt something, and not everything"

    def test_validation_is_what_the_search_had_found(self, path: Path) -> None:
        for one in nas.evaluate_on_test(path, [1, 2, 3, 4]):
            assert one.validation["error"] == one.trial.metrics["error"]
            assert one.validation["loss"] == pytest.approx(one.trial.metrics["loss"], rel=1e-6)
            assert one.changed == ()

    @pytest.mark.parametrize(("metric", "value"), [("error", 0.01), ("loss", 9.0)])
    def test_it_is_told_if_that_has_changed(self, path: Path, metric: str, value: float) -> None:
        change(path, f"UPDATE metrics SET value = {value} WHERE name = '{metric}' AND trial = 2")
        assert [t.changed for t in nas.evaluate_on_test(path, [2, 3])] == [(metric,), ()]

    def test_at_the_resolution_of_the_training(self, tmp_path: Path) -> None:
        small = {**LONGER, "resolution": 0.5, "data_share": 0.2}
        searched(tmp_path / "a.db", space=CELL, evaluator=small, stop={"trials": 1})
        (found,) = nas.evaluate_on_test(tmp_path / "a.db", [1])
        wrong, _ = by_hand(tmp_path / "a.db", 1, size=4)
        assert abs(found.metrics["error"].value * 359 - wrong) <= 2
        assert found.changed == ()

    def test_of_a_staged_evaluation_the_last_stage(self, tmp_path: Path) -> None:
        staged = {"name": "staged", "evaluator": "train", "fidelity": {"data_share": [0.1, 0.2]}}
        staged["evaluator"] = {"name": "train", "epochs": 1}
        searched(tmp_path / "a.db", evaluator=staged, stop={"trials": 1})
        (found,) = nas.evaluate_on_test(tmp_path / "a.db", [1])
        assert found.metrics["error"].value == by_hand(tmp_path / "a.db", 1)[0] / 359
        assert found.changed == ()

    def test_with_hyper_parameters(self, tmp_path: Path) -> None:
        resolutions = {"resolution": {"choices": [4, 8]}}
        more = {"space": CELL, "seed": 1, "weights": "all"}
        searched(tmp_path / "a.db", hyper=resolutions, **more)
        found = nas.evaluate_on_test(tmp_path / "a.db", [1, 2, 3])
        assert {one.trial.architecture["hyper.resolution"] for one in found} == {4, 8}
        assert [one.changed for one in found] == [()] * 3

    def test_over_seeds(self, path: Path) -> None:
        done = nas.train_again(path, 3, seeds=3)
        ids = [trial.id for trial in done.trials]
        found = nas.evaluate_on_test(path, [2, *ids])
        ((key, metrics),) = over_seeds_of(found).items()
        assert key == ("s-train-3", tuple(ids))
        values = [one.metrics["error"].value for one in found[1:]]
        assert metrics["error"].mean == pytest.approx(np.mean(values))
        assert metrics["error"].std == pytest.approx(np.std(values, ddof=1))

    def test_leaves_random_state_and_threads_alone(self, path: Path) -> None:
        state, threads = torch.get_rng_state(), torch.get_num_threads()
        nas.evaluate_on_test(path, [2])
        assert torch.equal(torch.get_rng_state(), state)
        assert torch.get_num_threads() == threads


class TestArchive:
    def test_tested_networks_are_counted_once(self, path: Path) -> None:
        counted = [[t.networks for t in nas.evaluate_on_test(path, ids)] for ids in COUNTED]
        assert counted == [[1], [1], [3, 3], [3]]

    def test_what_is_kept(self, path: Path) -> None:
        (found,) = nas.evaluate_on_test(path, [2])
        kept = rows(path, "SELECT metric, value, low, high, method, samples FROM tests")
        assert kept == [
            (name, e.value, e.low, e.high, e.method, 359) for name, e in found.metrics.items()
        ]

    def test_nothing_else_of_the_archive_changes(self, path: Path) -> None:
        def told() -> list[Any]:
            with nas.Archive(path) as archive:
                return [archive.trials(), archive.front(), archive.studies(), archive.state()]

        before, wide = told(), rows(path, "SELECT * FROM trials_wide")
        nas.evaluate_on_test(path, [1, 2])
        assert told() == before
        assert rows(path, "SELECT * FROM trials_wide") == wide


COUNTED = ([2], [2], [1, 3, 1], [3])


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


class TestRefusals:
    def refused(self, path: Path, said: str, *plugins: Path, ids: tuple[int, ...] = (1,)) -> None:
        with pytest.raises(nas.NASError, match=said):
            nas.evaluate_on_test(path, ids, plugins=plugins)
        if path.exists():
            assert rows(path, "SELECT count(*) FROM tests") == [(0,)]

    def test_no_such_trial_though_another_one_is_there(self, path: Path) -> None:
        self.refused(path, "no trial 9", ids=(1, 9))

    def test_no_weights(self, path: Path) -> None:
        change(path, "DELETE FROM artifacts WHERE trial = 2")
        self.refused(path, "trial 2 has no weights", ids=(1, 2))

    def test_no_archive(self, tmp_path: Path) -> None:
        self.refused(tmp_path / "typo.db", "there is no archive")
        assert [*tmp_path.iterdir()] == []

    def test_no_test_split(self, tmp_path: Path) -> None:
        searched(tmp_path / "a.db", (EXAMINERS,), data="untested", stop={"trials": 1})
        said = "data set 'untested' of study 's': this data set has no test split"
        self.refused(tmp_path / "a.db", said, EXAMINERS)

    @pytest.mark.parametrize(
        ("evaluator", "said"),
        [
            ("untrained", r"it lacks the method examine\(network, samples\)"),
            ({"name": "examiner", "mode": "shape"}, r"in the shape \(360,\).*expected .* \(359,\)"),
            ({"name": "examiner", "mode": "nan"}, "error of sample 3 is nan"),
        ],
    )
    def test_evaluators_that_do_not_tell(self, tmp_path: Path, evaluator: Any, said: str) -> None:
        searched(tmp_path / "a.db", (EXAMINERS,), evaluator=evaluator, stop={"trials": 1})
        self.refused(tmp_path / "a.db", said, EXAMINERS)
        self.refused(tmp_path / "a.db", r"add --plugin examiners\.py")

    def test_an_evaluator_of_somebody_else_that_does(self, tmp_path: Path) -> None:
        evaluator = {"name": "examiner", "mode": "right"}
        searched(tmp_path / "a.db", (EXAMINERS,), evaluator=evaluator, stop={"trials": 1})
        (found,) = nas.evaluate_on_test(tmp_path / "a.db", [1], plugins=[EXAMINERS])
        assert found.metrics["error"].value == 179 / 359
        assert found.changed == ()

    def test_functions_that_the_archive_names(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "mine_to_test.py").write_text(
            "import nas\n\ndef digits():\n    return nas.dataset('digits').load()\n"
        )
        monkeypatch.syspath_prepend(tmp_path)
        data = {"name": "factory", "function": "mine_to_test:digits"}
        searched(tmp_path / "a.db", data=data, stop={"trials": 1})
        self.refused(tmp_path / "a.db", "calling 'mine_to_test:digits'.*--trust")
        (found,) = nas.evaluate_on_test(tmp_path / "a.db", [1], trust=True)
        assert found.metrics["error"].samples == 359
