"""``nas train``, ``nas test`` and ``nas reproduce``: what they print, refuse and return."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from found import searched
from toys import rows

Nas = Callable[..., Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive of three small networks, the first of which is on the front."""
    path = tmp_path_factory.mktemp("made") / "a.db"
    searched(path, objectives=["error"], weights="all")
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(f"{made}.artifacts", tmp_path / "a.db.artifacts")
    return Path(shutil.copy(made, tmp_path / "a.db"))


def change(path: Path, sql: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(sql)
    connection.close()


class TestTrain:
    def test_mean_and_deviation_beside_the_trial(self, nas: Nas, path: Path) -> None:
        done = nas("train", path, 2, "--epochs", 2, "--seeds", 3)
        assert done.code == 0, done.err
        lines = [line.split() for line in done.out.splitlines()]
        assert lines[0][0] == "s-train-2:"
        assert lines[0][1:] == ["3", "trainings", "of", "trial", "2", "complete"]
        assert ["objective", "trial", "2", "trained", "again", "std", "over", "seeds"] in lines
        (found,) = [line for line in lines if line[:2] == ["error", "↓"]]
        sql = "SELECT value FROM metrics WHERE name = 'error' AND trial"
        ((then,),) = rows(path, f"{sql} = 2")
        values = [value for (value,) in rows(path, f"{sql} > 3")]
        assert float(found[2]) == pytest.approx(then, rel=1e-3)
        assert float(found[3]) == pytest.approx(sum(values) / 3, rel=1e-3)
        assert found[4] == "±"
        assert lines[-1] == ["nas", "test", str(path), "4", "5", "6"]
        assert "trial 6 complete" in done.err

    def test_json_and_quiet(self, nas: Nas, path: Path) -> None:
        done = nas("train", path, 1, "--study", "mine", "--quiet", "--json")
        assert (done.code, done.err) == (0, "")
        document = json.loads(done.out)
        assert (document["study"], document["stems_from"]) == ("mine", 1)
        assert [trial["id"] for trial in document["trials"]] == [4]
        assert document["over_seeds"]["error"]["std"] is None
        assert not document["interrupted"]

    def test_one_seed_has_no_deviation(self, nas: Nas, path: Path) -> None:
        done = nas("train", path, 1, "--quiet")
        assert done.out.startswith("s-train-1: 1 training of trial 1 complete\n")
        (found,) = [line for line in done.out.splitlines() if line.startswith("error")]
        assert found.split()[-1] == "-"

    def test_lineage_is_shown(self, nas: Nas, path: Path) -> None:
        nas("train", path, 2, "--quiet")
        shown = nas("show", path, 4).out
        assert "Stems from 1 trial" in shown
        assert shown.splitlines()[-1].split()[:2] == ["1", "2"]
        assert json.loads(nas("show", path, 4, "--json").out)["lineage"] == [
            {"depth": 1, "id": 2, "number": 1}
        ]

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            ("9", "no trial 9"),
            ("2 --seeds 0", "Invalid value for '--seeds'"),
            ("2 --epochs 0", "Invalid value for '--epochs'"),
            ("2 --set data=digits", "only parameters of evaluator, limits, run, stop may change"),
            ("2 --set evaluator.ephocs=3", "Did you mean 'epochs'?"),
            ("2 --plugin gone.py", "gone.py"),
        ],
    )
    def test_errors(self, nas: Nas, path: Path, words: str, said: str) -> None:
        done = nas("train", path, *words.split())
        assert done.code == 2
        assert said in " ".join(done.err.split())
        assert rows(path, "SELECT name FROM studies") == [("s",)]

    def test_ctrl_c_and_again(self, nas: Nas, path: Path) -> None:
        words = ["train", str(path), "2", "--epochs", "400", "--seeds", "2"]
        process = subprocess.Popen(
            [sys.executable, "-m", "nas", *words],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        snapshots = path.with_name("a.db.artifacts") / "checkpoints"
        with process:
            while not [*snapshots.rglob("*.safetensors")]:
                assert process.poll() is None, process.communicate()
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "run the same command again" in said
        change(path, "UPDATE studies SET config = json_set(config, '$.evaluator.epochs', 4)")
        shutil.rmtree(snapshots)
        done = nas("train", path, 2, "--epochs", 4, "--seeds", 2, "--quiet")
        assert done.out.startswith("s-train-2: 2 trainings of trial 2 complete\n")


class TestTest:
    def test_a_table(self, nas: Nas, path: Path) -> None:
        done = nas("test", path, 1, 2)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("On the test split, 359 samples\n")
        lines = [line.split() for line in done.out.splitlines()]
        found = {(line[0], line[1]): line for line in lines if line[1:2] in (["error"], ["loss"])}
        assert {*found} == {(i, m) for i in "12" for m in ("error", "loss")}
        low, to, high = found["1", "error"][3:6]
        assert to == "to"
        assert float(low) < float(found["1", "error"][2]) < float(high)
        assert found["1", "error"][-1] == "wilson"
        assert "2 networks of this archive have been tested on this split so far." in done.out
        assert "over" not in done.out.split("2 networks")[0].split()

    def test_over_seeds(self, nas: Nas, path: Path) -> None:
        nas("train", path, 2, "--seeds", 2, "--quiet")
        done = nas("test", path, 4, 5)
        assert "s-train-2, over 2 seeds of one architecture:\n  error 0." in done.out
        document = json.loads(nas("test", path, 4, 5, "--json").out)
        (over,) = document["over_seeds"]
        values = [one["metrics"]["error"]["value"] for one in document["tested"]]
        assert (over["study"], over["trials"]) == ("s-train-2", [4, 5])
        assert over["metrics"]["error"]["mean"] == pytest.approx(sum(values) / 2)
        assert [one["networks_tested"] for one in document["tested"]] == [2, 2]

    def test_a_warning_where_validation_is_another(self, nas: Nas, path: Path) -> None:
        change(path, "UPDATE metrics SET value = 0.01 WHERE trial = 1 AND name = 'error'")
        done = nas("test", path, 1)
        assert done.code == 0
        assert "Warning: error of trial 1 is 0." in done.err
        assert "data or code are not those of the search" in " ".join(done.err.split())

    def test_errors(self, nas: Nas, path: Path) -> None:
        assert "no trial 9" in nas("test", path, 1, 9).err
        assert "there is no archive" in nas("test", "typo.db", 1).err
        assert nas("test", path).code == 2


class TestReproduce:
    def test_it_agrees(self, nas: Nas, path: Path) -> None:
        done = nas("reproduce", path, 2)
        assert (done.code, done.err) == (0, "")
        title, *others = done.out.splitlines()
        assert title == "Trial 2 of s, run again: it agrees, bit for bit"
        (loss,) = [line for line in others if line.startswith("loss")]
        ((then,),) = rows(path, "SELECT value FROM metrics WHERE trial = 2 AND name = 'loss'")
        assert loss.split() == ["loss", repr(then), repr(then), "same,", "bit", "for", "bit"]

    def test_it_differs(self, nas: Nas, path: Path) -> None:
        change(path, "UPDATE metrics SET value = value * 1.01 WHERE trial = 2 AND name = 'loss'")
        change(path, "UPDATE components SET version = '0.0.1' WHERE role = 'space'")
        done = nas("reproduce", path, 2)
        assert (done.code, done.err) == (1, "")
        assert done.out.startswith("Trial 2 of s, run again: it differs\n")
        (loss,) = [line for line in done.out.splitlines() if line.startswith("loss")]
        assert loss.endswith("differs")
        assert "space mlp:mlp is of plugnas" in done.out.split("What is not as it was:")[1]
        close = nas("reproduce", path, 2, "--tolerance", 0.1)
        assert close.code == 0
        assert close.out.startswith("Trial 2 of s, run again: it agrees, within the tolerance\n")

    def test_json(self, nas: Nas, path: Path) -> None:
        document = json.loads(nas("reproduce", path, 2, "--json").out)
        assert (document["id"], document["agrees"], document["exact"]) == (2, True, True)
        verdicts = {metric["name"]: metric["verdict"] for metric in document["metrics"]}
        assert verdicts.pop("train_seconds") in ("measured", "exact")
        assert {*verdicts.values()} == {"exact"}
        assert document["failure"] == {"then": None, "now": None}
        change(path, "UPDATE curves SET value = 2 WHERE trial = 2 AND name = 'error'")
        done = nas("reproduce", path, 2, "--json")
        assert done.code == 1
        assert json.loads(done.out)["curve_differs_from"] == 1

    def test_errors(self, nas: Nas, path: Path) -> None:
        assert nas("reproduce", path, 9).code == 2
        assert "Invalid value" in nas("reproduce", path, 2, "--tolerance", -1).err
        change(path, "UPDATE trials SET status = 'cancelled' WHERE id = 2")
        assert "was cancelled" in nas("reproduce", path, 2).err
