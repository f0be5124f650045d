"""What a person is told of a running search."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas import Goal
from nas.cli import watch, watch_text
from nas.engine.progress import Plan, Progress
from nas.incident import Incident
from nas.study import Study

TOY = Path(__file__).parents[1] / "files" / "toy.py"
STUDY = Study("toy", "a.db", (Goal("total"),), {}, 0, 8)
PLAN = Plan(0, 3000, None, "ray (local): 8 workers", "toy, 125 architectures")
EVIL = "\x1b[2J[bold]no\nGPU"
SO_FAR = Progress(
    (),
    done=1412,
    failed={"timeout": 3, "error": 12},
    turned_away={"duplicate": 40},
    running=8,
    seconds=4000.0,
    seconds_left=3950.0,
    rate=0.35,
    idle=0.073,
    incidents={"worker": 3, "node": 1},
    reused=44,
)


def display(progress: Progress, width: int) -> list[str]:
    """Return the lines of the live display."""
    shown = watch.Display()
    shown.started(STUDY, PLAN)
    shown.progress(progress)
    console = Console(file=io.StringIO(), width=width, record=True, markup=False)
    console.print(shown._render())
    return [line.rstrip() for line in console.export_text().splitlines()]


@pytest.mark.parametrize(
    ("a_second", "text"),
    [
        (1234.4, "1,234 a second"),
        (100.0, "100 a second"),
        (12.34, "12.3 a second"),
        (1.0, "1.0 a second"),
        (0.35, "21.0 a minute"),
        (1 / 60, "1.0 a minute"),
        (0.0125, "45.0 an hour"),
        (1e-5, "0.0 an hour"),
    ],
)
def test_a_rate_is_told_in_the_unit_that_suits_it(a_second: float, text: str) -> None:
    assert watch_text.rate(a_second) == text


def test_the_display_tells_it_all() -> None:
    lines = display(SO_FAR, 100)
    assert "1,412 of 3,000 trials after" in lines[1]
    assert lines[1].endswith("about 1 h 05 min left")
    assert lines[2:] == [
        "8 in flight, 21.0 a minute, workers 7 % idle",
        "15 failed (error: 12, timeout: 3)",
        "40 turned away (duplicate: 40)",
        "44 answered by earlier evaluations",
        "4 incidents of the machines (node: 1, worker: 3)",
    ]


def test_what_is_not_known_is_not_told() -> None:
    assert display(Progress((), done=0, running=2), 80)[2:] == ["2 in flight"]


def test_why_nothing_runs_is_told_and_steers_no_terminal() -> None:
    (*_, last) = display(replace(SO_FAR, stuck=EVIL), 80)
    assert last == r"Nothing can run: \x1b[2J[bold]no GPU"


def test_lines_tell_of_trouble_once_and_of_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    lines = watch.Lines()
    lines.started(STUDY, PLAN)
    for _ in range(3):
        lines.progress(Progress((), done=0, stuck="no node has a GPU"))
    lines.progress(Progress((), done=0, met=[Incident(0.0, "node", f"lost {EVIL}")]))
    lines.progress(Progress((), done=0))
    assert capsys.readouterr().err.splitlines()[1:] == [
        "Nothing can run: no node has a GPU",
        "Trials can run again.",
        r"node incident: lost \x1b[2J[bold]no GPU",
    ]


def test_the_end_counts_what_the_session_met() -> None:
    assert watch_text.ending("3,000 trials are done", SO_FAR) == (
        "Ended: 3,000 trials are done; 15 failed (error: 12, timeout: 3); "
        "40 turned away (duplicate: 40); 44 answered by earlier evaluations; "
        "4 incidents of the machines (node: 1, worker: 3); 1 h 06 min, workers 7 % idle"
    )


class TestLog:
    def test_a_search_writes_one(self, nas: Callable[..., Any], config: Path) -> None:
        words = ("search", config, "--plugin", TOY, "--log", "log.jsonl", "--quiet")
        assert nas(*words).code == 0
        lines = Path("log.jsonl").read_text().splitlines()
        assert '"event": "session.started"' in lines[0]
        assert '"event": "session.finished"' in lines[-1]
        assert sum('"event": "trial.finished"' in line for line in lines) == 12

    def test_going_on_adds_to_it(self, nas: Callable[..., Any], config: Path) -> None:
        more = ("--plugin", TOY, "--log", "log.jsonl", "--quiet")
        assert nas("search", config, "--set", "stop.trials=3", *more).code == 0
        assert nas("resume", "nas.db", "--set", "stop.trials=5", *more).code == 0
        text = Path("log.jsonl").read_text()
        assert text.count('"event": "trial.finished"') == 5

    def test_one_that_cannot_be_written_is_refused_in_a_line(
        self, nas: Callable[..., Any], config: Path
    ) -> None:
        done = nas("search", config, "--plugin", TOY, "--log", "no/such/folder")
        assert done.code == 2
        assert done.err.startswith("Error: log 'no/such/folder' cannot be written")
        assert not Path("nas.db").exists()
