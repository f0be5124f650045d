"""``nas front``, ``trials``, ``show``, ``studies`` and ``query`` on real archives."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nas as api

Nas = Callable[..., Any]


def cells(line: str) -> list[str]:
    """Split a line of a table: columns are two blanks apart."""
    return re.split(r" {2,}", line.strip())


def body(out: str) -> list[list[str]]:
    """Return the rows of the first table of an output."""
    lines = out.splitlines()
    rule = next(i for i, line in enumerate(lines) if line.startswith("──"))
    rows = []
    for line in lines[rule + 1 :]:
        if not line.strip() or line.startswith("Not shown"):
            break
        rows.append(cells(line))
    return rows


class TestFront:
    def test_a_table_with_units_and_directions(self, nas: Nas, archive: Path) -> None:
        done = nas("front", archive)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("Front of digits: 2 of 4 complete trials\n")
        assert "within: params at most 200000 parameters" in done.out
        assert "beside them: 1 failed" in done.out
        assert re.search(
            r"params ↓ +latency ↓ +took *\n *id +error ↓ +parameters +ms +s\b", done.out
        )
        assert body(done.out) == [
            ["1", "0.0312", "77,850", "1.250", "61.50", api_text("nor_conv_1x1")],
            ["2", "0.2500", "9,000", "0.500", "61.50", api_text("skip_connect")],
        ]

    def test_json_is_the_front_of_python(self, nas: Nas, archive: Path) -> None:
        document = json.loads(nas("front", archive, "digits", "--json").out)
        with api.Archive(archive) as opened:
            front = opened.front("digits")
        assert [t["id"] for t in document["front"]] == [t.id for t in front]
        assert [t["metrics"] for t in document["front"]] == [dict(t.metrics) for t in front]
        assert [t["decisions"] for t in document["front"]] == [dict(t.architecture) for t in front]
        assert document["objectives"][1] == {
            "metric": "params",
            "direction": "minimize",
            "unit": "parameters",
            "low": None,
            "high": 200_000,
        }

    def test_csv_has_every_metric_exactly(self, nas: Nas, archive: Path) -> None:
        rows = list(csv.DictReader(io.StringIO(nas("front", archive, "--csv").out)))
        assert [float(row["latency"]) for row in rows] == [0.00125, 0.0005]
        assert [row["loss"] for row in rows] == ["0.5", "0.5"]
        assert rows[1]["parents"] == "0"
        assert rows[0]["failure_kind"] == ""

    def test_the_default_archive(self, nas: Nas, archive: Path, tmp_path: Path) -> None:
        archive.rename(tmp_path / "nas.db")
        assert nas("front").out.startswith("Front of digits")

    def test_a_narrow_terminal_cuts_the_architecture_only(self, nas: Nas, archive: Path) -> None:
        done = nas("front", archive, COLUMNS="70")
        assert max(map(len, done.out.splitlines())) <= 70
        assert [row[:5] for row in body(done.out)] == [
            ["1", "0.0312", "77,850", "1.250", "61.50"],
            ["2", "0.2500", "9,000", "0.500", "61.50"],
        ]

    def test_what_has_no_room_is_named(self, nas: Nas, archive: Path) -> None:
        done = nas("front", archive, COLUMNS="52")
        assert "Not shown for want of room: seconds." in done.out
        assert [row[:4] for row in body(done.out)] == [
            ["1", "0.0312", "77,850", "1.250"],
            ["2", "0.2500", "9,000", "0.500"],
        ]

    def test_no_room_for_any_table(self, nas: Nas, archive: Path) -> None:
        done = nas("front", archive, COLUMNS="30")
        assert "77,850" in done.out
        assert re.search(r"params ↓ parameters +9,000", done.out)


def api_text(operation: str) -> str:
    return f"|{operation}~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|nor_conv_1x1~1|avg_pool_3x3~2|"


class TestTrials:
    def test_all_of_them_with_why_they_failed(self, nas: Nas, archive: Path) -> None:
        done = nas("trials", archive)
        assert done.out.startswith("digits: 5 trials\n")
        rows = body(done.out)
        assert rows[0][:3] == ["1", "●", "complete"]
        assert rows[2][:2] == ["3", "complete"]
        assert rows[3] == ["4", "failed", "-", "-", "-", "0.00", "non-finite: loss is nan"]

    def test_of_one_status(self, nas: Nas, archive: Path) -> None:
        done = nas("trials", archive, "--status", "failed")
        assert done.out.startswith("digits: 1 failed trial\n")
        assert [row[0] for row in body(done.out)] == ["4"]

    def test_an_unknown_status(self, nas: Nas, archive: Path) -> None:
        done = nas("trials", archive, "--status", "fialed")
        assert (done.code, done.out) == (2, "")
        assert "failed" in done.err

    def test_a_limit_is_said(self, nas: Nas, archive: Path) -> None:
        done = nas("trials", archive, "--limit", "2")
        assert done.out.startswith("digits: 5 trials, the first 2 shown\n")
        assert len(body(done.out)) == 2

    def test_a_status_without_trials(self, nas: Nas, archive: Path) -> None:
        done = nas("trials", archive, "--status", "cancelled")
        assert (done.code, done.out) == (0, "digits: 0 cancelled trials\n")

    def test_machines_get_all(self, nas: Nas, archive: Path) -> None:
        document = json.loads(nas("trials", archive, "--json").out)
        assert [t["number"] for t in document["trials"]] == [0, 1, 2, 3, 4]
        assert document["trials"][3]["failure"] == {"kind": "non-finite", "message": "loss is nan"}
        assert document["trials"][4]["feasible"] is False
        rows = list(csv.DictReader(io.StringIO(nas("trials", archive, "--csv").out)))
        assert [row["status"] for row in rows] == ["complete"] * 3 + ["failed", "complete"]
        assert rows[3]["error"] == ""
        assert rows[3]["failure_message"] == "loss is nan"

    def test_two_formats_at_once(self, nas: Nas, archive: Path) -> None:
        done = nas("trials", archive, "--csv", "--json")
        assert (done.code, done.out) == (2, "")
        assert "--json and --csv" in done.err


class TestShow:
    def test_everything_of_a_measured_trial(self, nas: Nas, archive: Path) -> None:
        done = nas("show", archive, 1)
        assert (done.code, done.err) == (0, "")
        assert "Trial 1 of digits: complete, on the front" in done.out
        assert "took 1 min 02 s; on box pid 7" in done.out
        assert re.search(r"latency +1.250 ms +± 40.00 µs +minimize", done.out)
        assert "latency measured with batch 1, device cpu" in done.out
        assert "kept: params at most 200000 parameters" in done.out
        assert re.search(r"edge_0_1 +nor_conv_1x1", done.out)

    def test_the_drawn_cell(self, nas: Nas, archive: Path) -> None:
        out = nas("show", archive, 1).out
        assert "├─►     nor_conv_1x1\n" in out
        assert re.search(r"►   none  \(no effect\)\n", out)
        assert out.count("●") == 4

    def test_a_long_curve_is_thinned_and_ends_with_the_last_point(
        self, nas: Nas, archive: Path
    ) -> None:
        out = nas("show", archive, 1).out
        curve = out.split("Learning curve")[1]
        assert curve.startswith(", 11 of 30 steps shown")
        assert [row[0] for row in body(curve)] == [str(s) for s in (*range(1, 29, 3), 30)]
        assert re.search(r"loss +█", curve)

    def test_lineage_says_what_changed(self, nas: Nas, archive: Path) -> None:
        out = nas("show", archive, 3).out.split("Stems from 2 trials")[1]
        assert [(row[0], row[1]) for row in body(out)] == [("1", "2"), ("2", "1")]
        assert "edge_0_1 skip_connect → nor_conv_3x3" in out

    def test_how_the_filter_chose(self, nas: Nas, archive: Path) -> None:
        out = nas("show", archive, 2).out
        assert "best of 3 candidates by proxy:gradsign: 300; the next has 100" in out
        assert "1 could not be scored" in out
        assert "Chosen" not in nas("show", archive, 1).out

    def test_a_failure_with_its_traceback(self, nas: Nas, archive: Path) -> None:
        out = nas("show", archive, 4).out
        assert "✗ non-finite: loss is nan" in out
        assert "    line 1\n" in out

    def test_json_has_all(self, nas: Nas, archive: Path) -> None:
        document = json.loads(nas("show", archive, 1, "--json").out)
        assert len(document["curve"]) == 30
        assert document["measurements"]["latency"]["spread"] == 0.00004
        assert document["study"] == "digits"
        failed = json.loads(nas("show", archive, 4, "--json").out)
        assert failed["failure"]["traceback"].startswith("Traceback")

    def test_without_the_plugin_the_numbers_are_shown(self, nas: Nas, archive: Path) -> None:
        done = nas("show", archive, 1, NAS_DISABLE_PLUGINS="cells")
        assert done.code == 0
        assert "No drawing: no space named 'cells:nas201'" in done.out
        assert "0.0312" in done.out

    def test_no_such_trial(self, nas: Nas, archive: Path) -> None:
        done = nas("show", archive, 77)
        assert (done.code, done.out) == (2, "")
        assert "trials 1 to 5" in done.err


class TestStudies:
    def test_one_line_each(self, nas: Nas, archive: Path) -> None:
        (row,) = body(nas("studies", archive).out)
        assert row[:6] == ["digits", "finished", "5", "1", "2", "error, params, latency"]
        (document,) = json.loads(nas("studies", archive, "--json").out)
        assert document["by_status"] == {
            "complete": 4,
            "failed": 1,
            "infeasible": 0,
            "stopped": 0,
            "paused": 0,
            "cancelled": 0,
        }
        (record,) = csv.DictReader(io.StringIO(nas("studies", archive, "--csv").out))
        assert json.loads(record["objectives"]) == ["error", "params", "latency"]


class TestQuery:
    SQL = (
        "SELECT id, error, status AS s, NULL AS missing, x'00ff' AS b FROM trials_wide ORDER BY id"
    )

    def test_a_table(self, nas: Nas, archive: Path) -> None:
        out = nas("query", archive, self.SQL).out
        assert cells(out.splitlines()[0]) == ["id", "error", "s", "missing", "b"]
        assert body(out)[0] == ["1", "0.0312", "complete", "2 bytes"]

    def test_json_and_csv(self, nas: Nas, archive: Path) -> None:
        first = json.loads(nas("query", archive, self.SQL, "--json").out)[0]
        assert first == {
            "id": 1,
            "error": 0.0312,
            "s": "complete",
            "missing": None,
            "b": {"base64": "AP8="},
        }
        row = next(csv.DictReader(io.StringIO(nas("query", archive, self.SQL, "--csv").out)))
        assert (row["error"], row["missing"]) == ("0.0312", "")

    def test_columns_of_one_name_and_infinity(self, nas: Nas, archive: Path) -> None:
        sql = "SELECT 1 AS a, 2 AS a, 3 AS a_2, 9e999 AS big"
        assert json.loads(nas("query", archive, sql, "--json").out) == [
            {"a": 1, "a_2": 2, "a_2_2": 3, "big": "inf"}
        ]

    def test_too_wide_for_a_table(self, nas: Nas, archive: Path) -> None:
        done = nas("query", archive, "SELECT * FROM trials_wide", COLUMNS="80")
        assert done.out.count("─ 1 ─") == 1
        assert re.search(r"^error +0.0312 *$", done.out, re.MULTILINE)
        assert max(map(len, done.out.splitlines())) <= 80

    def test_many_rows_end_with_a_note(self, nas: Nas, archive: Path) -> None:
        product = "SELECT a.id FROM trials a, trials b, trials c, trials d, trials e"
        done = nas("query", archive, product)
        assert len(body(done.out)) == 1001
        assert done.out.endswith("The first 1,000 rows; --csv and --json have all.\n")
        assert nas("query", archive, product, "--csv").out.count("\n") == 5**5 + 1

    @pytest.mark.parametrize(
        "sql",
        [
            "DELETE FROM trials",
            "UPDATE studies SET name = 'x'",
            "ATTACH 'other.db' AS o",
            "PRAGMA writable_schema = 1",
            "SELECT load_extension('x')",
            "WITH x AS (SELECT 1) DELETE FROM trials",
            "",
            "SELEKT",
            "SELECT nothing FROM trials",
            "SELECT 1; DROP TABLE trials",
        ],
    )
    def test_what_is_no_select_changes_nothing(self, nas: Nas, archive: Path, sql: str) -> None:
        before = archive.read_bytes()
        done = nas("query", archive, sql)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("Error: ")
        assert done.err.count("\n") == 1
        assert archive.read_bytes() == before
