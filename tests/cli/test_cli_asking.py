"""``nas trials``, ``front`` and ``compare`` on several studies, with expressions and objectives."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from manystudies import LINE, add_study, values

import nas as api
from nas import Goal

Nas = Callable[..., Any]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "a.db"
    bent = ((0.9, 1), (0.3, 2), (0.2, 3), (0.19, 9), (0.8, 8))
    add_study(path, "evo-1", [*values(*bent), None], seed=1, config={"strategy": "evo"})
    add_study(
        path, "evo-0", values((0.7, 2), (0.5, 4), (0.4, 6), (0.3, 9)), config={"strategy": "evo"}
    )
    rs = {"strategy": "random"}
    add_study(path, "rs-0", values((0.8, 5), (0.8, 6), (0.7, 7), (0.6, 7)), config=rs)
    add_study(path, "rs-1", values((0.9, 5), (0.9, 6), (0.8, 7), (0.5, 7)), seed=1, config=rs)
    return path


def records(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


class TestTrials:
    def test_those_that_are_meant(self, nas: Nas, db: Path) -> None:
        where = ("--where", "error < 0.6 and params < 9", "--order-by", "params desc")
        done = nas("trials", db, "evo-0", *where, "--limit", 1)
        assert done.out.startswith("evo-0: 1 trial with error < 0.6 and params < 9\n")
        assert "<2>" in done.out
        rows = records(nas("trials", db, "evo-0", *where, "--csv").out)
        assert [row["number"] for row in rows] == ["2", "1"]

    def test_of_several_studies(self, nas: Nas, db: Path) -> None:
        done = nas("trials", db, "evo-0", "rs-0", "--where", "error > 0.6")
        assert done.out.count("rs-0") == 4  # in the heading, and three trials
        rows = records(nas("trials", db, "--all-studies", "--csv").out)
        assert len(rows) == 18
        assert {row["study"] for row in rows} == {"evo-0", "evo-1", "rs-0", "rs-1"}
        document = json.loads(nas("trials", db, "rs-1", "rs-0", "--json").out)
        assert [study["study"] for study in document["studies"]] == ["rs-1", "rs-0"]
        assert {trial["study"] for trial in document["trials"]} == {"rs-0", "rs-1"}

    def test_one_study_is_as_it_was(self, nas: Nas, db: Path) -> None:
        document = json.loads(nas("trials", db, "rs-0", "--json").out)
        assert document["study"] == "rs-0"
        assert "study" not in document["trials"][0]
        assert nas("trials", db, "rs-0", "--csv").out.startswith("id,number,status,error,params")
        assert nas("trials", db, "rs-0", "--limit", 2).out.startswith("rs-0: 4 trials, the first 2")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--where", "eror < 1"], "no column 'eror'. Did you mean 'error'?"),
            (["--where", "error < 1; DELETE FROM trials"], "without ';'"),
            (["--order-by", "latency"], "order by 'latency': no column 'latency'"),
            (["rs-0", "--all-studies"], "exclude each other"),
            (["rs-2"], "no study 'rs-2'. Did you mean 'rs-1'?"),
        ],
    )
    def test_errors(self, nas: Nas, db: Path, arguments: list[str], message: str) -> None:
        done = nas("trials", db, *arguments)
        assert (done.code, done.out) == (2, "")
        assert message in done.err


class TestFront:
    def test_merged(self, nas: Nas, db: Path) -> None:
        done = nas("front", db, "evo-0", "rs-0")
        assert done.out.startswith("Front of evo-0, rs-0 by error, params: 4 of 8 trials\n")
        rows = records(nas("front", db, "evo-0", "rs-0", "--csv").out)
        assert [(r["study"], r["number"]) for r in rows] == [
            ("evo-0", str(n)) for n in (3, 2, 1, 0)
        ]
        document = json.loads(nas("front", db, "--all-studies", "--json").out)
        assert document["compared"] == 17
        with api.Archive(db) as archive:
            front = archive.front(archive.studies())
        assert [trial["id"] for trial in document["front"]] == [trial.id for trial in front]
        assert {trial["study"] for trial in document["front"]} == {"evo-1"}

    def test_knee_and_hypervolume(self, nas: Nas, db: Path) -> None:
        reference = ("--reference", "error=1,params=10")
        done = nas("front", db, "evo-1", "--knee", *reference)
        assert done.out.startswith("Front of evo-1: 4 of 5 complete trials\n")
        (marked,) = [line for line in done.out.splitlines() if " knee " in line and "<" in line]
        assert marked.rstrip().endswith("<2>")
        assert "Hypervolume: 6.41" in done.out
        assert "reference: error 1, params 10 parameters" in done.out
        document = json.loads(nas("front", db, "evo-1", "--knee", *reference, "--json").out)
        assert [t["number"] for t in document["front"] if t["knee"]] == [2]
        assert document["hypervolume"]["value"] == pytest.approx(6.41)
        assert document["hypervolume"]["share"] == pytest.approx(6.41 / (0.81 * 9))
        assert [r["knee"] for r in records(nas("front", db, "evo-1", "--knee", "--csv").out)] == [
            *("false", "true", "false", "false")
        ]

    def test_no_knee_is_said(self, nas: Nas, db: Path) -> None:
        assert "No knee" in nas("front", db, "rs-0", "--knee").out

    def test_by_other_objectives_of_some(self, nas: Nas, db: Path) -> None:
        done = nas("front", db, "evo-1", "--objectives", "params:max", "--where", "error < 0.5")
        assert done.out.startswith("Front of evo-1 by params: 1 of 3 trials\n")
        assert "and error < 0.5" in done.out
        assert "params ↑" in done.out
        empty = nas("front", db, "--where", "error < 0")
        assert "The front is empty" in empty.out

    def test_its_history(self, nas: Nas, db: Path) -> None:
        reference = ("--reference", "error=1,params=10")
        done = nas("front", db, "evo-1", "--history", *reference)
        assert done.out.startswith("Hypervolume after 6 trials, up to error 1, params 10\n")
        rows = records(nas("front", db, "evo-1", "--history", *reference, "--csv").out)
        assert [row["number"] for row in rows] == list("012345")
        assert float(rows[-1]["hypervolume"]) == pytest.approx(6.41)
        assert float(rows[-1]["spent"]) == 18.0
        document = json.loads(nas("front", db, "evo-1", "--history", "--json").out)
        assert document["seconds"] == [3.0, 6.0, 9.0, 12.0, 15.0, 18.0]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--reference", "0.2"], "write metric=number,metric=number or 'auto'"),
            (["--reference", "error=x"], "write metric=number"),
            (["--reference", "error=1"], "the reference has no 'params'"),
            (["--objectives", "latency"], "no trial has a metric 'latency'"),
            (["--objectives", ","], "no objective is named"),
            (["--history", "--where", "1"], "--history is of one study"),
            (["--history", "--all-studies"], "--history is of one study"),
            (["--all-studies", "--budget", "1"], "leave out the budget"),
            (["--json", "--csv"], "exclude each other"),
        ],
    )
    def test_errors(self, nas: Nas, db: Path, arguments: list[str], message: str) -> None:
        done = nas("front", db, *arguments)
        assert (done.code, done.out) == (2, "")
        assert message in done.err

    def test_other_spaces_are_refused_with_both_named(self, nas: Nas, db: Path) -> None:
        add_study(db, "line", values((0.1, 1)), space=LINE)
        done = nas("front", db, "--all-studies")
        assert done.code == 2
        assert "'evo-1' and 'line' are in different spaces" in done.err

    def test_what_was_left_out_is_said(self, nas: Nas, db: Path) -> None:
        rows = [*values((0.1, 1, 5), names=("error", "params", "x")), *values((0.1, 1))]
        add_study(db, "some", rows, evaluation="other")
        done = nas("front", db, "some", "evo-0", "--objectives", "x:min")
        assert "left out: 5 trials without a finite x" in done.out
        assert "do not evaluate in the same way" in done.out


class TestCompare:
    def test_seeds_are_paired(self, nas: Nas, db: Path) -> None:
        document = json.loads(
            nas("compare", db, "evo-*", "rs-*", "--objectives", "error", "--json").out
        )
        sides = [[s["study"] for s in side["studies"]] for side in document["sides"]]
        assert sides == [["evo-1", "evo-0"], ["rs-0", "rs-1"]]
        assert [side["label"] for side in document["sides"]] == ["evo", "rs"]
        assert [one["at"] for one in document["trials"]] == [1, 2, 3, 4]
        last = document["trials"][-1]
        # seed 0: 0.3 and 0.6; seed 1: 0.19 and 0.5
        assert last["found"][0]["mean"] == pytest.approx((0.3 + 0.19) / 2)
        assert last["gains"][0]["mean"] == pytest.approx((0.3 + 0.31) / 2)
        assert last["gains"][0]["low"] > 0
        assert last["ahead"] == "evo"
        assert [one["at"] for one in document["seconds"]] == [3.0, 6.0, 9.0, 12.0]
        assert [one["found"] for one in document["seconds"]] == [
            one["found"] for one in document["trials"]
        ]

    def test_a_table(self, nas: Nas, db: Path) -> None:
        done = nas("compare", db, "evo-*", "rs-*", "--objectives", "error")
        assert done.out.startswith("evo (2 seeds) and rs (2 seeds): lowest error so far\n")
        assert "4 (100%)  0.245  0.55" in done.out
        assert "not certain" in done.out

    def test_one_seed_has_no_interval(self, nas: Nas, db: Path) -> None:
        done = nas("compare", db, "evo-0", "rs-1", "--reference", "error=1,params=10")
        assert "hypervolume up to error 1, params 10" in done.out
        assert "(one seed)" in done.out
        assert "evo-0, not certain" in done.out

    def test_two_seeds_of_one_config_are_two_sides(self, nas: Nas, db: Path) -> None:
        rows = records(nas("compare", db, "evo-0", "evo-1", "--csv").out)
        assert {row["side"] for row in rows} == {"evo-0", "evo-1"}
        assert len(rows) == 2 * 8
        assert {row["equal"] for row in rows} == {"trials", "seconds"}

    def test_across_archives(self, nas: Nas, db: Path, tmp_path: Path) -> None:
        other = tmp_path / "other:1.db"
        add_study(other, "evo-0", values((0.2, 1), (0.1, 1)), evaluation="other")
        done = nas("compare", f"{db}:evo-0", f"{other}:evo-0", "--json")
        document = json.loads(done.out)
        assert document["trials"][-1]["at"] == 2
        assert document["trials"][-1]["ahead"] == f"{other}:evo-0"
        assert not document["same_evaluation"]
        mixed = nas("compare", db, "evo-0", f"{other}:evo-0")
        assert "do not evaluate in the same way" in mixed.out

    def test_at_equal_seconds_the_dearer_has_less(self, nas: Nas, db: Path) -> None:
        slow = [*values((0.1, 1)), *[None] * 9]
        add_study(db, "late", [*[None] * 3, *slow])
        document = json.loads(
            nas("compare", db, "late", "rs-0", "--objectives", "error", "--json").out
        )
        assert [one["found"][0]["mean"] for one in document["trials"]] == [None, None, None, 0.1]
        assert [one["ahead"] for one in document["trials"]] == ["rs-0", "rs-0", "rs-0", "late"]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["{}", "evo-0"], "two studies at least, not 1"),
            (["{}", "evo-0", "evo-0"], "two studies at least, not 1"),
            (["{}", "evo-0", "ewo-1"], "no study 'ewo-1'. Did you mean 'evo-1'?"),
            (["{}:evo-0", "rs-0"], "'rs-0': of which archive?"),
            (["evo-0", "rs-0"], "there is no archive 'evo-0'"),
            (["{}", "evo-0", "acc"], "have other objectives"),
            (["{}", "evo-0", "none"], "study 'none' has no evaluated trial yet"),
            (["{}", "rs-0", "evo-0", "copy"], "'evo-0' and 'copy' have the same config and seed 0"),
            (["{}", "rs-0", "evo-0", "--reference", "error=1"], "the reference has no 'params'"),
        ],
    )
    def test_errors(self, nas: Nas, db: Path, arguments: list[str], message: str) -> None:
        accuracy = [Goal("acc", "maximize")]
        add_study(db, "acc", values((0.1,), names=["acc"]), goals=accuracy)
        add_study(db, "none", [])
        add_study(db, "copy", values((0.1, 1)), config={"strategy": "evo"})
        done = nas("compare", *(argument.format(db) for argument in arguments))
        assert (done.code, done.out) == (2, "")
        assert message in done.err


def test_a_closed_pipe_ends_quietly(db: Path) -> None:
    many = [{"error": 1.0 - n / 5000, "params": float(n)} for n in range(3000)]
    add_study(db, "many", many)
    command = [sys.executable, "-m", "nas", "front", str(db), "many", "--csv"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait(60) == 1


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_ctrl_c_stops_an_expression_that_runs_away(db: Path) -> None:
    endless = (
        "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n)"
    )
    command = [sys.executable, "-m", "nas", "query", str(db), f"SELECT {endless}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        deadline = time.monotonic() + 60
        while running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
            running.send_signal(signal.SIGINT)
        assert running.wait(5) in (130, -signal.SIGINT)
