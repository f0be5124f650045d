"""A found architecture trained again: longer, with several seeds, interrupted, on Ray."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from found import CELL, config, searched
from toys import TOY, rows
from toys import config as toy
from toys import run as run_toy

import nas

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of three trained networks."""
    path = tmp_path_factory.mktemp("made") / "a.db"
    searched(path, space=CELL, filter={"proxy": "params", "candidates": 2}, reuse=True)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    shutil.copy(made, tmp_path / "a.db")
    shutil.copytree(f"{made}.artifacts", tmp_path / "a.db.artifacts")
    return tmp_path / "a.db"


def told(trials: Any) -> list[Any]:
    """What decides whether two trainings were the same."""
    return [
        (t.seed, t.budget, {k: v for k, v in t.metrics.items() if k != "train_seconds"})
        for t in trials
    ]


class TestTrainings:
    def test_longer_with_seeds_of_their_own_weights_and_lineage(self, path: Path) -> None:
        done = nas.train_again(path, 2, epochs=2, seeds=3)
        with nas.Archive(path) as archive:
            original = archive.trial(2)
            used = {trial.seed for trial in archive.trials("s")}
            assert archive.study("s-train-2").config["evaluator"]["epochs"] == 2
            for trial in done.trials:
                assert [a.trial.id for a in archive.lineage(trial.id)] == [2]
                assert archive.load_model(trial.id)
        assert done.original == original
        assert [t.number for t in done.trials] == [0, 1, 2]
        assert {t.architecture for t in done.trials} == {original.architecture}
        assert {t.budget for t in done.trials} == {2}
        assert len({t.seed for t in done.trials} | used) == 6
        assert len({t.metrics["loss"] for t in done.trials}) == 3

    def test_over_seeds(self, path: Path) -> None:
        done = nas.train_again(path, 1, seeds=3)
        values = [trial.metrics["loss"] for trial in done.trials]
        mean = sum(values) / 3
        found = done.over_seeds["loss"]
        assert found.mean == pytest.approx(mean)
        assert found.std == pytest.approx((sum((v - mean) ** 2 for v in values) / 2) ** 0.5)
        assert done.over_seeds["params"].std == 0
        assert nas.train_again(path, 3).over_seeds["loss"].std is None

    def test_of_the_same_data_and_the_same_network(self, path: Path) -> None:
        done = nas.train_again(path, 2)
        with nas.Archive(path) as archive:
            theirs, ours = (archive.components(name) for name in ("s", "s-train-2"))
            found = archive.study("s-train-2")
            assert done.trials[0].metrics["params"] == archive.trial(2).metrics["params"]
        assert found.seed == 0  # by which the data are split
        recipe = {"name": "train", **config()["evaluator"], "checkpoint_every": 1}
        assert found.config["evaluator"] == recipe
        for role in ("space", "dataset", "objective"):
            assert [c for c in theirs if c.role == role] == [c for c in ours if c.role == role]

    def test_parameters_that_may_change(self, path: Path) -> None:
        wanted = ["evaluator.lr=0.5", "limits.timeout=100", "evaluator.checkpoint_every=7"]
        nas.train_again(path, 1, epochs=3, study="mine", overrides=wanted)
        with nas.Archive(path) as archive:
            config = archive.study("mine").config
        assert config["evaluator"]["lr"] == 0.5
        assert config["evaluator"]["checkpoint_every"] == 7
        assert config["limits"]["timeout"] == 100

    def test_with_hyper_parameters_of_the_trial(self, tmp_path: Path) -> None:
        rates = {"lr": {"low": 1e-4, "high": 1e-1, "log": True}}
        trial = searched(tmp_path / "a.db", hyper=rates)[0]
        done = nas.train_again(tmp_path / "a.db", trial.id, epochs=2)
        assert done.trials[0].architecture == trial.architecture
        assert "hyper.lr" in trial.architecture

    def test_a_time_out_of_the_search_is_none_of_theirs(self, tmp_path: Path) -> None:
        searched(tmp_path / "a.db", limits={"timeout": 1000, "memory": 2**33}, stop={"trials": 1})
        nas.train_again(tmp_path / "a.db", 1)
        with nas.Archive(tmp_path / "a.db") as archive:
            limits = archive.study("s-train-1").config["limits"]
        assert limits == {"timeout": None, "memory": 2**33}

    def test_a_failed_trial_may_fail_again(self, tmp_path: Path) -> None:
        failing = {"name": "tally", "on": 0, "mode": "raise"}
        both = [{"d0": 0, "d1": 0, "d2": 0}, {"d0": 1, "d1": 0, "d2": 0}]
        strategy = {"name": "fixed", "architectures": both}
        values = toy(evaluator=failing, strategy=strategy, stop={"trials": 2})
        run_toy(values, tmp_path / "a.db")
        with pytest.raises(nas.StudyError, match=r"all 2 trials failed .* cannot be trained"):
            nas.train_again(tmp_path / "a.db", 1, seeds=2, plugins=[TOY])
        ((status, parents),) = rows(
            tmp_path / "a.db",
            """SELECT DISTINCT status, (SELECT parent FROM parents WHERE trial = trials.id)
            FROM trials WHERE study = 2""",
        )
        assert (status, parents) == ("failed", 1)

    @pytest.mark.slow_fault
    def test_on_ray_they_are_the_same(self, path: Path) -> None:
        ray = ["run.executor=ray", "run.workers=1"]
        there = nas.train_again(path, 2, epochs=2, seeds=2, overrides=ray)
        here = nas.train_again(path, 2, epochs=2, seeds=2, study="here")
        assert told(there.trials) == told(here.trials)
        with nas.Archive(path) as archive:
            assert all(archive.load_model(trial.id) for trial in there.trials)


class TestGoingOn:
    def test_more_seeds(self, path: Path) -> None:
        first = nas.train_again(path, 2, epochs=2, seeds=1)
        more = nas.train_again(path, 2, epochs=2, seeds=3)
        assert more.trials[0] == first.trials[0]
        assert len(more.trials) == 3
        assert nas.train_again(path, 2, epochs=2, seeds=2).trials == more.trials

    def test_after_a_kill_in_mid_training(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        searched(path, stop={"trials": 1})
        words = ["train", path, 1, "--epochs", 20, "--seeds", 2, "--quiet"]
        process = subprocess.Popen(
            [sys.executable, "-m", "nas", *map(str, words)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        snapshots = tmp_path / "a.db.artifacts" / "checkpoints"
        while not [*snapshots.rglob("*.safetensors")]:
            assert process.poll() is None, process.communicate()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert rows(path, "SELECT count(*) FROM trials WHERE study = 2") <= [(1,)]
        resumed = nas.train_again(path, 1, epochs=20, seeds=2)
        whole = nas.train_again(path, 1, epochs=20, seeds=2, study="whole")
        assert told(resumed.trials) == told(whole.trials)
        assert len(resumed.trials) == 2

    def test_in_a_merged_archive(self, path: Path, tmp_path: Path) -> None:
        searched(tmp_path / "b.db", study="other")
        nas.train_again(path, 2, epochs=2)
        nas.merge(tmp_path / "b.db", [path])
        result = nas.resume(tmp_path / "b.db", "s-train-2", overrides=["stop.trials=2"])
        with nas.Archive(tmp_path / "b.db") as archive:
            ((parent,), (same,)) = ([a.trial for a in archive.lineage(t.id)] for t in result.trials)
            assert parent == same == archive.trials("s")[1]

    def test_another_training_needs_another_name(self, path: Path) -> None:
        nas.train_again(path, 2, epochs=2)
        with pytest.raises(nas.StudyError, match=r"evaluator.epochs: 2 -> 3. Give .* another name"):
            nas.train_again(path, 2, epochs=3)
        assert nas.train_again(path, 2, epochs=3, study="longer").trials


class TestRefusals:
    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"overrides": ["data=digits"]}, "only parameters of evaluator, limits, run, stop"),
            ({"overrides": ["evaluator=staged"]}, "such as evaluator.lr"),
            ({"overrides": ["evaluator.name=staged"]}, "such as evaluator.lr"),
            ({"overrides": ["evaluator.lear=1"]}, "lear"),
            ({"epochs": 0}, "epochs must be"),
            ({"seeds": 0}, "seeds must be at least 1"),
        ],
    )
    def test_what_may_not_change(self, path: Path, options: dict[str, Any], said: str) -> None:
        with pytest.raises(nas.NASError, match=said):
            nas.train_again(path, 1, **options)
        assert rows(path, "SELECT name FROM studies") == [("s",)]

    def test_what_was_turned_away(self, tmp_path: Path) -> None:
        low = {"name": "first", "max": 0}
        values = toy(objectives=["total", low], stop={"trials": 3}, strategy="random")
        run_toy(values, tmp_path / "a.db")
        ((id_,), *_) = rows(tmp_path / "a.db", "SELECT id FROM trials WHERE status = 'infeasible'")
        with pytest.raises(nas.StudyError, match="breaks a bound"):
            nas.train_again(tmp_path / "a.db", id_, plugins=[TOY])

    def test_what_is_looked_up(self, tmp_path: Path) -> None:
        table = nas.Config.load(
            EXAMPLES / "table.toml", ["stop.trials=1", "strategy=random", "study=t"]
        )
        nas.search(table, tmp_path / "a.db")
        with pytest.raises(nas.StudyError, match="looks its results up"):
            nas.train_again(tmp_path / "a.db", 1)

    def test_a_plugin_file_is_named(self, tmp_path: Path) -> None:
        run_toy(toy(stop={"trials": 1}), tmp_path / "a.db")
        with pytest.raises(nas.StudyError, match=r"add --plugin toy\.py"):
            nas.train_again(tmp_path / "a.db", 1)
