"""The strategy ``fixed``: the same architectures again, with lineage, all weights kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from toys import config, rows, run, told

import nas
from nas.plugins import PluginFile, Plugins

NOISY = Path(__file__).parent / "files" / "noisy.py"
FIRST, SECOND = {"d0": 1, "d1": 2, "d2": 0}, {"d0": 0, "d1": 4, "d2": 4}


def fixed(*architectures: dict[str, int], **parameters: Any) -> dict[str, Any]:
    return {"name": "fixed", "architectures": list(architectures), **parameters}


def noisy(**changes: Any) -> dict[str, Any]:
    """A search whose metric is the trial's seed, with weights."""
    return config(
        evaluator="noisy", objectives=[{"name": "reported", "metric": "noise"}], **changes
    )


def searched(values: dict[str, Any], path: Path) -> nas.Result:
    return nas.search(values, path, plugins=[Path(__file__).parent / "files" / "toy.py", NOISY])


class TestTrials:
    def test_architectures_take_turns_with_other_seeds(self, tmp_path: Path) -> None:
        values = noisy(strategy=fixed(FIRST, SECOND), stop={"trials": 6})
        trials = searched(values, tmp_path / "a.db").trials
        assert [dict(t.architecture) for t in trials] == [FIRST, SECOND] * 3
        assert len({t.seed for t in trials}) == 6
        assert [t.metrics["noise"] for t in trials] == [t.seed for t in trials]

    def test_seeds_are_none_of_a_search_with_the_same_seed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        seeds = {t.seed for t in searched(noisy(stop={"trials": 20}), path).trials}
        again = noisy(study="again", strategy=fixed(FIRST), stop={"trials": 20})
        assert not seeds & {t.seed for t in searched(again, path).trials}

    def test_nothing_is_answered_by_an_earlier_one(self, tmp_path: Path) -> None:
        values = noisy(strategy=fixed(FIRST), stop={"trials": 4}, reuse=True)
        searched(values, tmp_path / "a.db")
        assert rows(tmp_path / "a.db", "SELECT DISTINCT reused FROM trials") == [(None,)]

    def test_more_of_them_later_are_those_of_one_go(self, tmp_path: Path) -> None:
        few, many = ({"trials": n} for n in (2, 5))
        searched(noisy(strategy=fixed(FIRST, SECOND), stop=few), tmp_path / "a.db")
        later = searched(noisy(strategy=fixed(FIRST, SECOND), stop=many), tmp_path / "a.db")
        once = searched(noisy(strategy=fixed(FIRST, SECOND), stop=many), tmp_path / "b.db")
        assert told(later.trials) == told(once.trials)

    @pytest.mark.parametrize(
        ("parameters", "said"),
        [
            ({"architectures": []}, "architectures names none"),
            ({"architectures": ["111"]}, "list of tables"),
            ({"architectures": [{"d0": 1}]}, "fixed: "),
            ({"architectures": [{**FIRST, "d1": 9}]}, "fixed: .*d1"),
            ({"architectures": [FIRST], "stems_from": [["s", 1], ["s", 2]]}, "2 trials, 1 arch"),
            ({"architectures": [FIRST], "stems_from": [3]}, "stems_from"),
            (
                {"architectures": [FIRST], "stems_from": ["s1"]},
                "expected .STUDY, NUMBER., not 's1'",
            ),
            ({"architectures": [FIRST], "stems_from": [["s", -1]]}, "number of stems_from must be"),
        ],
    )
    def test_what_it_cannot_propose(
        self, parameters: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        with pytest.raises(nas.NASError, match=said):
            run(config(strategy={"name": "fixed", **parameters}), tmp_path / "a.db")


class TestLineage:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        """Trial 5 of one study, and two of another that stem from it."""
        path = tmp_path / "a.db"
        run(config(stop={"trials": 5}, objectives=["total", "spread"]), path)
        found = fixed({"d0": 0, "d1": 0, "d2": 4}, stems_from=[["toy", 4]])
        run(config(study="again", strategy=found, stop={"trials": 2}), path)
        return path

    def test_a_trial_stems_from_one_of_another_study(self, path: Path) -> None:
        with nas.Archive(path) as archive:
            (one, _) = archive.trials("again")
            (ancestor,) = archive.lineage(one.id)
        assert (one.stems_from, one.parents) == ((("toy", 4),), ())
        assert (ancestor.depth, ancestor.trial.id, len(ancestor.trial.losses)) == (1, 5, 2)
        assert ancestor.trial.architecture == one.architecture

    def test_it_survives_being_interrupted(self, path: Path) -> None:
        with sqlite3.connect(path) as connection:
            connection.execute("UPDATE trials SET status = 'cancelled' WHERE id = 7")
        connection.close()
        found = fixed({"d0": 0, "d1": 0, "d2": 4}, stems_from=[["toy", 4]])
        result = run(config(study="again", strategy=found, stop={"trials": 2}), path)
        assert [trial.stems_from for trial in result.trials] == [(("toy", 4),)] * 2

    @pytest.mark.parametrize("study", ["toy", "gone"])
    def test_a_trial_that_is_not_there(self, study: str, tmp_path: Path) -> None:
        values = config(strategy=fixed(FIRST, stems_from=[[study, 0]]), stop={"trials": 2})
        with pytest.raises(nas.ArchiveError, match=f"another study, '{study}', which is not in"):
            run(values, tmp_path / "a.db")


class TestWeights:
    @pytest.mark.parametrize(("kept", "files"), [("all", 6), ("front", 1)])
    def test_of_all_trials_or_of_the_front(self, kept: str, files: int, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        values = noisy(strategy=fixed(FIRST), stop={"trials": 6}, weights=kept)
        trials = searched(values, path).trials
        assert len([*path.with_name("a.db.artifacts").rglob("*.safetensors")]) == files
        plugins = Plugins([PluginFile.read(file) for file in (NOISY.with_name("toy.py"), NOISY)])
        with nas.Archive(path) as archive:
            for trial in trials if kept == "all" else archive.front():
                network = archive.load_model(trial.id, plugins=plugins)
                assert network.bias[0].item() == pytest.approx(trial.metrics["noise"])

    def test_an_archive_says_whose_there_are(self, tmp_path: Path) -> None:
        values = noisy(strategy=fixed(FIRST), stop={"trials": 3}, weights="all")
        searched(values, tmp_path / "a.db")
        with sqlite3.connect(tmp_path / "a.db") as connection:
            connection.execute("DELETE FROM artifacts WHERE trial = 2")
        connection.close()
        with (
            nas.Archive(tmp_path / "a.db") as archive,
            pytest.raises(nas.ArchiveError, match="has those of 1, 3"),
        ):
            archive.load_model(2)
