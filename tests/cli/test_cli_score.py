"""``nas score`` in bulk and ``nas rank``: spaces, archives, files; what was stopped goes on."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nas as api

Nas = Callable[..., Any]
FILES = Path(__file__).parents[1] / "files"
TOY, SLOW = FILES / "toy.py", FILES / "slow.py"
SMALL = ("--set", "cells=1", "--set", "channels=4")
CELL = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|{}~0|avg_pool_3x3~1|nor_conv_1x1~2|"


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


class TestArchive:
    def test_scores_are_kept_and_not_computed_again(self, nas: Nas, tmp_path: Path) -> None:
        words = ("score", "nas201", *SMALL, "--proxy", "gradsign", "--batch", 4)
        first = nas(*words, "--n", 3)
        assert "3 architectures in " in first.out
        assert "kept in nas.db" in first.out
        more = nas(*words, "--n", 5)
        assert "2 architectures in " in more.out
        assert "3 were scored before" in more.out
        again = nas(*words, "--n", 5)
        assert "all 5 were scored before" in again.out
        assert rows(tmp_path / "nas.db", "SELECT count(*) FROM proxy_scores") == [(5,)]
        assert rows(tmp_path / "nas.db", "PRAGMA integrity_check") == [("ok",)]

    @pytest.mark.parametrize(
        "other",
        [("--batch", 5), ("--seed", 1), ("--repeats", 2), ("--set", "channels=5")],
        ids=lambda words: words[0],
    )
    def test_what_was_scored_otherwise_is_another_score(
        self, nas: Nas, tmp_path: Path, other: tuple[object, ...]
    ) -> None:
        words = ("score", "nas201", *SMALL, "--proxy", "snip", "--batch", 4, "--n", 2)
        nas(*words)
        nas(*words, *other)
        found = rows(tmp_path / "nas.db", "SELECT scoring, count(*) FROM proxy_scores GROUP BY 1")
        assert found == [(1, 2), (2, 2)]

    def test_another_proxy_beside_it(self, nas: Nas, tmp_path: Path) -> None:
        words = ("score", "nas201", *SMALL, "--n", 3, "--batch", 4, "--set", "input_shape=[1,8,8]")
        nas(*words, "--proxy", "gradsign")
        both = table(nas(*words, "--proxy", "gradsign", "--proxy", "synflow", "--csv").out)
        alone = table(nas(*words, "--proxy", "synflow", "--archive", "b.db", "--csv").out)
        scores = {row["architecture"]: row["proxy:synflow"] for row in alone}
        assert {row["architecture"]: row["proxy:synflow"] for row in both} == scores

    def test_repeats_are_the_mean(self, nas: Nas) -> None:
        words = ("score", "nas201", *SMALL, "--n", 2, "--proxy", "l2_norm", "--csv")
        space = api.space("nas201", cells=1, channels=4)
        for row in table(nas(*words, "--repeats", 3).out):
            norms = []
            for repeat in (0, 1, 2):
                from nas.seeds import derive

                label = (0, "proxy", row["canonical_id"])
                with torch.random.fork_rng():
                    torch.manual_seed(derive(*label, repeat) if repeat else derive(*label))
                    network = space.build(space.parse(row["architecture"]))
                norms.append(
                    api.proxy("l2_norm").score(network, torch.ones(1, 3, 32, 32), torch.zeros(1))
                )
            assert float(row["proxy:l2_norm"]) == pytest.approx(sum(norms) / 3)

    @pytest.mark.parametrize(
        "then", ["unlink()", "rename('b.db')", "rename('b.db'), archive.touch()"]
    )
    def test_one_that_is_gone_is_noticed(self, nas: Nas, tmp_path: Path, then: str) -> None:
        (tmp_path / "gone.py").write_text(GONE.format(then))
        words = ("score", "toy", "--plugin", TOY, "--plugin", "gone.py", "--proxy", "gone")
        done = nas(*words, "--executor", "inline")
        assert (done.code, done.out) == (2, "")
        assert "'nas.db' was deleted, moved or replaced" in done.err

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE architectures SET decisions = '{\"d0\": '",
            "UPDATE architectures SET decisions = '[]'",
            "UPDATE proxy_scores SET value = 'high'",
        ],
    )
    def test_one_that_is_damaged_is_named(self, nas: Nas, tmp_path: Path, damage: str) -> None:
        words = ("score", "toy", "--plugin", TOY, "--proxy", "lean", "--n", 3)
        assert nas(*words).code == 0
        with closing(sqlite3.connect(tmp_path / "nas.db", isolation_level=None)) as connection:
            connection.execute(damage)
        done = nas(*words)
        assert (done.code, done.out) == (2, "")
        assert "archive 'nas.db' is damaged" in done.err


GONE = """
import nas
from pathlib import Path

class Gone(nas.Proxy):
    needs_data = False
    def compute(self, network, inputs, targets):
        archive = Path("nas.db")
        if archive.exists() and archive.stat().st_size:
            archive.{}
        return 1.0

@nas.hookimpl
def nas_proxies():
    return [nas.Component("gone", Gone, "takes the archive away")]
"""


class TestTargets:
    def test_all_of_a_space(self, nas: Nas, tmp_path: Path) -> None:
        words = ("score", "toy", "--plugin", TOY, "--proxy", "lean", "--all", "--csv")
        assert len(table(nas(*words).out)) == 125
        assert nas(*words, "--n", 3).code == 2
        vast = nas("score", "mlp", "--set", "max_depth=9", "--proxy", "params", "--all")
        assert vast.code == 2
        assert "too many for --all" in vast.err

    def test_a_file(self, nas: Nas, tmp_path: Path) -> None:
        cells = [CELL.format(name) for name in ("none", "nor_conv_3x3", "none")]
        listed = "# cells\n\n" + "\n".join(cells) + '\n{"edge_0_1": "none", "edge_0_2": "none"}\n'
        (tmp_path / "cells.txt").write_text(listed)
        words = ("score", "cells.txt", "--space", "nas201", *SMALL, "--proxy", "params")
        done = nas(*words)
        assert (done.code, done.out) == (2, "")
        assert "cells.txt:6" in done.err
        (tmp_path / "cells.txt").write_text("\n".join(cells))
        found = [row["architecture"] for row in table(nas(*words, "--csv").out)]
        assert found == [cells[1], cells[0]]
        assert "say of which space" in nas("score", "cells.txt", "--proxy", "params").err
        unknown = nas("score", "cells.txt", "--space", "nas2O1", "--proxy", "params").err
        assert "no space named 'nas2O1'. Did you mean 'nas201'?" in unknown
        assert "either" not in unknown

    def test_the_trials_of_an_archive_are_ranked(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "toy.toml").write_text(
            'study = "t"\nobjectives = ["total"]\nspace = "toy"\nevaluator = "tally"\n'
            'strategy = "listed"\nstop.trials = 30\nrun.executor = "inline"\n'
        )
        assert nas("search", "toy.toml", "--plugin", TOY, "--quiet").code == 0
        empty = nas("rank", "nas.db", "--plugin", TOY)
        assert empty.code == 2
        assert "nas score nas.db" in empty.err
        done = nas("score", "nas.db", "--plugin", TOY, "--proxy", "lean")
        assert "30 architectures of study t" in done.out
        assert "How scores ranked total, over 30 trained networks" in done.out
        assert "bulk:toy:lean" in done.out
        elsewhere = nas(
            "score", "nas.db", "--plugin", TOY, "--proxy", "lean", "--archive", "other.db"
        )
        assert elsewhere.code == 0, elsewhere.err
        assert "kept in other.db" in elsewhere.out
        assert "How scores ranked" not in elsewhere.out  # the trials are not there
        document = json.loads(nas("rank", "nas.db", "--plugin", TOY, "--json").out)
        names = {row["name"] for row in document["objectives"]["total"]}
        assert names == {"bulk:toy:lean", "params", "flops"}
        listed = table(nas("rank", "nas.db", "--plugin", TOY, "--csv").out)
        assert {row["name"] for row in listed} == names
        assert "leave out --space" in nas("score", "nas.db", "--space", "x", "--proxy", "lean").err

    def test_a_file_is_the_batch(self, nas: Nas, tmp_path: Path) -> None:
        images = np.random.default_rng(0).integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)
        np.savez(tmp_path / "batch.npz", x=images, y=np.array([0, 1, 2, 0, 1, 2]))
        words = ("score", "nas201", *SMALL, "--set", "input_shape=[3,8,8]", "--set", "classes=3")
        words += ("--proxy", "gradsign", "--batch", "batch.npz", "--n", 2, "--csv")
        space = api.space("nas201", cells=1, channels=4, input_shape=(3, 8, 8), classes=3)
        from nas.normalise import Normalise
        from nas.seeds import derive

        planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
        inputs = Normalise.of(planes)(torch.from_numpy(planes))
        torch.set_num_threads(1)
        for row in table(nas(*words).out):
            torch.manual_seed(derive(0, "proxy", row["canonical_id"]))
            network = space.build(space.parse(row["architecture"]))
            expected = api.proxy("gradsign").score(
                network, inputs, torch.tensor([0, 1, 2, 0, 1, 2])
            )
            assert float(row["proxy:gradsign"]) == expected

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["absent.db", "--proxy", "params"], "There is no file 'absent.db' either."),
            (["nas201", "--proxy", "params", "--study", "x"], "is none"),
            (["nas201", "--proxy", "params", "--space", "x"], "no file"),
            (["nas201", "--proxy", "gradsign", "--batch", "0"], "--batch"),
            (["nas201", "--proxy", "gradsign", "--batch", "absent.npz"], "absent.npz"),
            (["nas201", "--proxy", "gradsign", "--data", "absent.npz"], "absent.npz"),
            (["nas201", "--proxy", "params", "--executor", "dask"], "ray, inline or auto"),
        ],
    )
    def test_mistakes(self, nas: Nas, words: list[str], named: str) -> None:
        done = nas("score", *words)
        assert (done.code, done.out) == (2, "")
        assert named in done.err


class TestAggregates:
    def test_the_aggregate_and_its_parts(self, nas: Nas) -> None:
        words = ("score", "nas201", *SMALL, "--n", 6, "--proxy", "az_nas", "--batch", 4, "--csv")
        found = table(nas(*words).out)
        parts = ["flops", "az_expressivity", "az_progressivity", "az_trainability"]
        columns = [[float(row[f"proxy:{p}"] or "nan") for row in found] for p in parts]
        expected = api.Aggregate(parts).combine(columns)
        assert [float(row["proxy:az_nas"]) for row in found] == pytest.approx(expected)


class TestEndOfASearch:
    def test_what_the_scores_were_worth_is_printed(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "toy.toml").write_text(
            'study = "t"\nobjectives = ["total"]\nspace = "toy"\nevaluator = "tally"\n'
            'strategy = "random"\nstop.trials = 12\nrun.executor = "inline"\n'
            'filter.proxy = "lean"\nfilter.candidates = 3\n'
        )
        done = nas("search", "toy.toml", "--plugin", TOY)
        assert "How scores ranked total, over 12 trained networks" in done.out
        listed = done.out.split("How scores ranked")[1]
        assert all(name in listed for name in ("proxy:lean", "params", "flops"))
        assert "no params or flops to compare with" in listed  # all networks are of one size
        assert "How scores" not in nas("search", "toy.toml", "--plugin", TOY, "--quiet").out
        assert "sample" not in listed
        plain = ("--set", "study=plain", "--set", "filter.random=1")
        assert nas("search", "toy.toml", "--plugin", TOY, *plain).code == 0

    def test_of_many_trials_a_sample(
        self, nas: Nas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas.engine.comparison.MOST", 6)
        (tmp_path / "toy.toml").write_text(
            'study = "my t"\nobjectives = ["total"]\nspace = "toy"\nevaluator = "tally"\n'
            'strategy = "random"\nstop.trials = 12\nrun.executor = "inline"\n'
            'filter.proxy = "lean"\nfilter.candidates = 3\n'
        )
        done = nas("search", "toy.toml", "--plugin", TOY)
        assert "How scores ranked total, over a sample of 6 of 12 trained networks" in done.out
        assert "nas rank nas.db 'my t' --all" in done.out
        words = ("rank", "nas.db", "my t", "--plugin", TOY)
        assert "over a sample of 6 of 12" in nas(*words).out
        assert "over 12 trained networks" in nas(*words, "--all").out
        for more, n in (((), 6), (("--all",), 12)):
            document = json.loads(nas(*words, "--json", *more).out)
            assert (document["compared"], document["trials"]) == (n, 12)
            assert {row["n"] for row in document["objectives"]["total"]} == {n}
            assert {row["n"] for row in table(nas(*words, "--csv", *more).out)} == {str(n)}


class TestOnRay:
    def test_it_gives_the_same_as_inline_and_goes_on_after_kill_9(
        self, nas: Nas, tmp_path: Path
    ) -> None:
        words = ["score", "toy", "--plugin", str(TOY), "--plugin", str(SLOW), "--proxy", "slow"]
        words += ["--n", "60", "--executor", "ray", "--workers", "2", "--archive", "a.db"]
        command = [sys.executable, "-m", "nas", *words]
        first = subprocess.Popen(
            command, cwd=tmp_path, stdout=-3, stderr=-3, start_new_session=True
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not _scored(tmp_path / "a.db"):
            time.sleep(0.1)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        before = _scored(tmp_path / "a.db")
        assert 0 < before < 60
        done = nas(*words)
        assert done.code == 0, done.err
        assert f"{before} were scored before" in done.out
        assert "ray (local)" in done.out
        words = words[:-6]
        on_ray = table(nas(*words, "--archive", "a.db", "--csv").out)
        inline = table(nas(*words, "--archive", "b.db", "--executor", "inline", "--csv").out)
        assert on_ray == inline

    def test_ctrl_c_keeps_what_was_scored(self, tmp_path: Path) -> None:
        words = ["score", "toy", "--plugin", str(TOY), "--plugin", str(SLOW), "--proxy", "slow"]
        command = [sys.executable, "-m", "nas", *words, "--all", "--executor", "inline"]
        running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and _scored(tmp_path / "nas.db") < 3:
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=30)
        assert running.returncode == 130
        assert "the same command goes on" in err
        assert 3 <= _scored(tmp_path / "nas.db") < 125


def _scored(path: Path) -> int:
    try:
        return int(rows(path, "SELECT count(*) FROM proxy_scores")[0][0]) if path.exists() else 0
    except sqlite3.Error:
        return 0
