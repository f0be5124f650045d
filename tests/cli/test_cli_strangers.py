"""Whatever strangers wrote into an archive, it steers no terminal and is no markup."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas import Architecture, CurvePoint, Failure, Goal, Measurement, Status, Trial
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.study import Study

Nas = Callable[..., Any]

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m[bold red]x[/] \u202eabc\r\n\tend\x7f"
STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""Colours and bold, which are ours."""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """An archive in which every text is ``EVIL``."""
    path = tmp_path / "hostile.db"
    goals = (Goal(EVIL, unit=EVIL, high=3.0),)
    architecture = Architecture({EVIL: EVIL})
    complete = Trial(0, architecture, Status.COMPLETE, (1.0,), metrics={EVIL: 1.0, "x" + EVIL: 2.0})
    failed = Trial(
        1,
        Architecture({EVIL: "other"}),
        Status.FAILED,
        parents=(0,),
        failure=Failure(EVIL, EVIL, f"Traceback\n{EVIL}\n"),
    )
    with Writer.open(path) as writer:
        space = ComponentRecord("space", EVIL, {EVIL: EVIL}, EVIL, EVIL)
        study = writer.study(Study(EVIL, "", goals, {EVIL: EVIL}, 0, 1), [space])
        scores = (Score(EVIL, architecture, EVIL, 1.0), Score(EVIL, architecture, EVIL, 0.5, EVIL))
        curve = (CurvePoint(1, {EVIL: 1.0}),)
        measured = {EVIL: Measurement(1.0, 0.1, {EVIL: EVIL})}
        first = Record(complete, EVIL, EVIL, curve, measured, scores, worker=EVIL)
        writer.record(study, [first, Record(failed, "b" + EVIL, EVIL)])
        writer.close_session(study, "finished", EVIL)
    return path


COMMANDS = [
    ["front"],
    ["front", "{}", "--csv"],
    ["front", "{}", "--json"],
    ["trials"],
    ["trials", "{}", "--csv"],
    ["trials", "{}", "--json"],
    ["studies"],
    ["studies", "{}", "--csv"],
    ["studies", "{}", "--json"],
    ["show", "{}", "1"],
    ["show", "{}", "1", "--json"],
    ["show", "{}", "2"],
    ["query", "{}", "SELECT * FROM trials_wide"],
    ["query", "{}", "SELECT * FROM trials_wide", "--csv"],
    ["query", "{}", "SELECT * FROM trials_wide", "--json"],
    ["query", "{}", "SELECT name, name, reason FROM studies"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("terminal", [{}, {"FORCE_COLOR": "1", "COLUMNS": "80"}], ids=["", "tty"])
def test_no_control_character_gets_out(
    nas: Nas, hostile: Path, command: list[str], terminal: dict[str, str]
) -> None:
    words = [word.format(hostile) for word in command] if len(command) > 1 else [*command, hostile]
    done = nas(*words, **terminal)
    assert done.code == 0, done.err
    shown = STYLE.sub("", done.out + done.err)
    assert [c for c in shown if not c.isprintable() and c != "\n"] == []
    assert "owned" in shown


def test_markup_is_text(nas: Nas, hostile: Path) -> None:
    out = nas("show", hostile, 1).out
    assert r"[bold red]x[/]" in out
    assert "\x1b[1;31mx" not in nas("show", hostile, 1, FORCE_COLOR="1").out


def test_an_error_is_one_safe_line(nas: Nas, hostile: Path) -> None:
    done = nas("front", hostile, EVIL + "?")
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert done.err.rstrip("\n").isprintable()


def test_machines_get_the_very_text(nas: Nas, hostile: Path) -> None:
    document = json.loads(nas("trials", hostile, "--json").out)
    assert document["study"] == EVIL
    assert document["trials"][1]["failure"]["message"] == EVIL
    out = nas("trials", hostile, "--json").out
    assert out.isascii()
    rows = list(csv.reader(io.StringIO(nas("trials", hostile, "--csv").out)))
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_metric_may_be_called_like_a_column(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    metrics = {"seconds": 5.0, "status": 2.0, "id": 3.0}
    trial = Trial(0, Architecture({"a": 1}), Status.COMPLETE, (5.0,), metrics=metrics)
    with Writer.open(path) as writer:
        space = ComponentRecord("space", "a:b", {}, "c", "1")
        study = writer.study(Study("s", "", (Goal("seconds"),), {}, 0, 1), [space])
        writer.record(study, [Record(trial, "id", "text")])
    (row,) = csv.DictReader(io.StringIO(nas("front", path, "--csv").out))
    assert (row["id"], row["metric_id"]) == ("1", "3.0")
    assert (row["status"], row["metric_status"]) == ("complete", "2.0")
    assert (row["seconds"], row["metric_seconds"]) == ("0.0", "5.0")
    assert json.loads(nas("front", path, "--json").out)["front"][0]["metrics"] == metrics
