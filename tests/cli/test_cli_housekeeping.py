"""``nas import``, ``nas merge``, ``nas vacuum`` and ``nas doctor``."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from nas import Archive
from nas.cli.vacuum import size
from nas.errors import ConfigError

Nas = Callable[..., Any]
TOY = Path(__file__).parents[1] / "files" / "toy.py"
CELL = "|{}~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"
TOYS = ("--space", "toy", "--plugin", TOY)
ROWS = "d0,d1,d2,total,more\n0,0,0,2,1\n0,0,1,1,2\n"


def alter(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)


class TestImport:
    def test_a_table(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "runs.csv").write_text(ROWS)
        done = nas("import", "a.db", "--csv", "runs.csv", "--objective", "total", *TOYS)
        assert (done.code, done.err) == (0, "")
        assert "Study runs: 2 trials imported (complete 2), 1 on the front" in done.out
        assert "Not taken: more" in done.out
        shown = json.loads(nas("front", "a.db", "--json").out)
        assert [trial["number"] for trial in shown["front"]] == [1]
        done = nas("resume", "a.db")
        assert done.code == 2
        assert "was imported (csv)" in done.err

    def test_as_json_and_like_another_study(self, nas: Nas, archive: Path, tmp_path: Path) -> None:
        text = f"architecture,error,params,latency\n{CELL.format('none')},0.01,5,1\n"
        (tmp_path / "one.csv").write_text(text)
        wanted = [f"--objective={name}" for name in ("error", "params", "latency")]
        done = nas("import", archive, "--csv", "one.csv", "--like", "digits", "--json", *wanted)
        assert json.loads(done.out) == {
            "study": "one",
            "archive": str(archive),
            "trials": {"complete": 1},
            "front": 1,
            "skipped": 0,
            "unused": [],
        }
        both = json.loads(nas("front", archive, "digits", "one", "--json").out)
        assert {trial["metrics"]["error"] for trial in both["front"]} >= {0.01}

    def test_parameters_of_the_space(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "runs.csv").write_text("d0,d1,total\n6,0,1\n")
        options = ("--csv", "runs.csv", "--objective", "total", *TOYS)
        sets = ("--set", "space.length=2", "--set", "space.base=7")
        assert nas("import", "a.db", *options, *sets).code == 0
        done = nas("import", "b.db", *options, "--set", "space.lenght=2")
        assert done.code == 2
        assert "Did you mean 'length'?" in done.err

    def test_optuna(self, nas: Nas, tmp_path: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        made = optuna.create_study(study_name="o", storage=f"sqlite:///{tmp_path / 'o.db'}")
        ints = optuna.distributions.IntDistribution(0, 9)
        for last in (1, 9):
            params = {"d0": 1, "d1": 1, "x": last}
            known = dict.fromkeys(params, ints)
            made.add_trial(optuna.create_trial(params=params, distributions=known, value=1.0))
        options = ("--optuna", "o.db", "--optuna-study", "o", "--objective", "total", *TOYS)
        done = nas("import", "a.db", *options)
        assert done.code == 2
        assert "--map x=DECISION" in done.err
        done = nas("import", "a.db", *options, "--map", "x=d2", "--skip-others")
        assert (done.code, "Left out: 1 trial" in done.out) == (0, True)

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ((), "say what to import"),
            (("--csv", "a", "--optuna", "b"), "say what to import"),
            (("--csv", "a", "--skip-others"), "--skip-others has no meaning with --csv"),
            (("--optuna", "a", "--all-metrics"), "--all-metrics has no meaning with --optuna"),
            (("--optuna", "a"), "--optuna-study NAME"),
            (("--csv", "a", "--map", "x"), "write PARAMETER=DECISION"),
        ],
    )
    def test_options_that_do_not_fit(self, nas: Nas, options: tuple[str, ...], said: str) -> None:
        done = nas("import", "a.db", *options)
        assert (done.code, said in done.err) == (2, True)


class TestMerge:
    def test_two_archives(self, nas: Nas, archive: Path, tmp_path: Path) -> None:
        (tmp_path / "runs.csv").write_text(ROWS)
        nas("import", "b.db", "--csv", "runs.csv", "--objective", "total", *TOYS)
        done = nas("merge", "all.db", archive, "b.db")
        assert (done.code, done.err) == (0, "")
        assert "2 of 2 studies copied" in done.out
        for study, source in (("digits", archive), ("runs", "b.db")):
            for command in ("front", "trials"):
                alone = json.loads(nas(command, source, study, "--json").out)
                merged = json.loads(nas(command, "all.db", study, "--json").out)
                for said in (alone, merged):
                    del said["archive"]
                    for trial in [*said.get("front", ()), *said.get("trials", ())]:
                        del trial["id"]
                assert merged == alone
        done = nas("merge", "all.db", "b.db", "--json")
        assert [one["copied"] for one in json.loads(done.out)] == [False]

    def test_a_name_that_is_taken(self, nas: Nas, tmp_path: Path) -> None:
        for name, rows in (("a", ROWS), ("b", ROWS.replace("2,1", "3,1"))):
            (tmp_path / "runs.csv").write_text(rows)
            nas("import", f"{name}.db", "--csv", "runs.csv", "--objective", "total", *TOYS)
        done = nas("merge", "a.db", "b.db")
        assert done.code == 2
        assert "'runs (b)'" in done.err
        done = nas("merge", "a.db", "b.db", "--rename")
        assert "study runs as runs (b), 2 trials" in done.out


class TestVacuum:
    def test_it_says_what_it_gives_back(self, nas: Nas, archive: Path) -> None:
        shutil.copytree(
            archive.parent, archive.parent / "old", ignore=shutil.ignore_patterns("old")
        )
        orphan = archive.with_name(f"{archive.name}.artifacts") / "ab" / f"{'ab' * 32}.safetensors"
        orphan.parent.mkdir(parents=True)
        orphan.write_bytes(bytes(1500))
        done = nas("vacuum", archive, "--dry-run")
        assert "files that no trial refers to: 1 file, 1.500 kB" in done.out
        assert "Would give back 1.500 kB" in done.out
        assert orphan.exists()
        said = json.loads(nas("vacuum", archive, "--weights", "0", "--json").out)
        assert (said["bytes"], said["weights"], orphan.exists()) == (1500, [], False)

    def test_keep_needs_a_quota(self, nas: Nas, archive: Path) -> None:
        done = nas("vacuum", archive, "--keep", "1")
        assert (done.code, "without --weights all do" in done.err) == (2, True)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [("0", 0), ("500MB", 500_000_000), ("1.5 GiB", 3 * 2**29), ("7kb", 7000), ("12", 12)],
    )
    def test_sizes(self, text: str, expected: int) -> None:
        assert size(text) == expected

    @pytest.mark.parametrize("text", ["", "MB", "-1", "5 apples", "1e3"])
    def test_no_sizes(self, text: str) -> None:
        with pytest.raises(ConfigError, match="such as 500MB"):
            size(text)


class TestDoctor:
    def imported(self, nas: Nas, tmp_path: Path) -> Path:
        (tmp_path / "runs.csv").write_text(ROWS)
        nas("import", "a.db", "--csv", "runs.csv", "--objective", "total", *TOYS)
        return tmp_path / "a.db"

    def test_healthy(self, nas: Nas, tmp_path: Path) -> None:
        self.imported(nas, tmp_path)
        done = nas("doctor", "a.db", "--plugin", TOY)
        assert (done.code, done.out) == (0, "Healthy: 14 checks found nothing wrong\n")

    def test_findings_and_repair(self, nas: Nas, tmp_path: Path) -> None:
        path = self.imported(nas, tmp_path)
        alter(path, "UPDATE front SET trial = 1")
        done = nas("doctor", "a.db", "--plugin", TOY)
        assert done.code == 1
        assert done.out.splitlines()[0].startswith("front: that of study 'runs' is not the one")
        assert "--repair" in done.out
        said = json.loads(nas("doctor", "a.db", "--plugin", TOY, "--json").out)
        assert (said["healthy"], [f["check"] for f in said["findings"]]) == (False, ["front"])
        done = nas("doctor", "a.db", "--plugin", TOY, "--repair")
        assert (done.code, "Repaired: front" in done.out) == (0, True)
        with Archive(path) as archive:
            assert [trial.number for trial in archive.front()] == [1]

    def test_what_strangers_wrote_is_no_markup(self, nas: Nas, tmp_path: Path) -> None:
        path = self.imported(nas, tmp_path)
        alter(path, "UPDATE studies SET name = '[red]' || char(27) || '[2J', goals = '['")
        done = nas("doctor", "a.db", "--plugin", TOY)
        assert (done.code, "\x1b" in done.out, "[red]" in done.out) == (1, False, True)

    def test_what_is_no_archive(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "a.db").write_text("text")
        assert nas("doctor", "a.db").code == 2
