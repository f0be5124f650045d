"""``nas search`` as a user runs it: what is shown where, exit codes, Ctrl-C, errors."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nas as api

Nas = Callable[..., Any]
TOY = Path(__file__).parents[1] / "files" / "toy.py"
SLOW = ("--set", "evaluator.seconds=0.2")


@pytest.fixture
def search(nas: Nas, config: Path) -> Nas:
    """Return what runs the toy search."""
    return lambda *options, **env: nas("search", config, "--plugin", TOY, *options, **env)


def test_people_get_progress_the_front_and_what_to_do_next(search: Nas) -> None:
    done = search("--archive", "a.db")
    assert done.code == 0
    progress = done.err.splitlines()
    assert progress[0] == "toy: toy, 125 architectures; inline: this process"
    assert re.match(r"trial 1 complete: total 0, spread 0, 0.0\d s, on the front", progress[1])
    assert progress[-1].startswith("Ended: 12 trials are done; ")
    assert done.out.startswith("Front of toy: ")
    assert re.search(r"total ↓ +spread ↑", done.out)
    assert "\n  nas front a.db toy\n  nas show a.db 1\n" in done.out


def test_the_hints_work(search: Nas, nas: Nas) -> None:
    out = search("--archive", "with space.db").out
    hints = [shlex.split(line) for line in out.splitlines() if line.startswith("  nas ")]
    assert [words[:2] for words in hints] == [["nas", "front"], ["nas", "show"]]
    for words in hints:
        assert nas(*words[1:]).code == 0


def test_json_is_all_there_is_on_stdout(search: Nas, tmp_path: Path) -> None:
    done = search("--json")
    document = json.loads(done.out)
    assert document["study"] == "toy"
    assert document["reason"] == "12 trials are done"
    assert document["interrupted"] is False
    with api.Archive(tmp_path / "nas.db") as archive:
        assert [t["id"] for t in document["front"]] == [t.id for t in archive.front()]
    assert "trial 1 complete" in done.err


def test_quiet_is_the_front_alone(search: Nas, nas: Nas) -> None:
    done = search("--quiet")
    assert done.err == ""
    assert done.out == nas("front").out
    again = search("--quiet", "--json")
    assert again.err == ""
    assert json.loads(again.out)["study"] == "toy"


def test_the_same_command_goes_on(search: Nas, tmp_path: Path) -> None:
    search("--set", "stop.trials=5")
    done = search()
    assert "; going on from 5 trials" in done.err
    with api.Archive(tmp_path / "nas.db") as archive:
        assert [t.number for t in archive.trials()] == list(range(12))


def test_failures_and_candidates_that_were_turned_away(search: Nas) -> None:
    bound = 'objectives=["total", {name = "first", max = 1}]'
    misbehave = ("evaluator.on=0", 'evaluator.mode="nan"')
    sets = [word for value in (bound, *misbehave) for word in ("--set", value)]
    done = search(*sets, "--set", "strategy=climb", "--set", "stop.trials=30", "--set", "seed=1")
    assert re.search(r"trial \d+ failed \(non-finite\): loss is nan", done.err)
    last = done.err.splitlines()[-1]
    assert re.search(r"; \d+ failed \(non-finite: \d+\)", last)
    assert re.search(r"turned away \(.*first at most 1 steps: \d+", last)
    assert "infeasible:" not in done.err.replace(last, "")


def test_many_quick_trials_are_summed_up(search: Nas) -> None:
    done = search("--set", "stop.trials=120")
    lines = [line for line in done.err.splitlines() if line.startswith("trial ")]
    assert 0 < len(lines) < 120


def test_an_empty_front(search: Nas) -> None:
    bound = 'objectives=[{name = "total", max = -1}]'
    done = search("--set", bound, "--set", "stop.trials=3")
    assert done.code == 0
    assert "The front is empty: no trial is within the bounds yet." in done.out
    assert "nas trials nas.db" in done.out


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--set", "stop.trails=5"], "Did you mean 'trials'"),
        (["--set", "stop.trials=-5"], "stop.trials"),
        (["--set", "strategy=listd"], "Did you mean 'listed'"),
        (["--set", "evaluator.sconds=3"], "Did you mean 'seconds'"),
        (["--set", "nothing"], "key=value"),
        (["--plugin", "missing.py"], "missing.py"),
        (["--archive", "no/such/folder/a.db"], "folder"),
    ],
)
def test_what_cannot_run_is_one_line_and_no_archive(
    search: Nas, tmp_path: Path, options: list[str], named: str
) -> None:
    done = search(*options)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert line.startswith("Error: ")
    assert named in line
    assert list(tmp_path.glob("*.db")) == []


def test_bounds_that_nothing_keeps(search: Nas) -> None:
    done = search("--set", 'objectives=["total", {name="first", max=-1}]')
    assert (done.code, done.out) == (2, "")
    assert "first at most -1" in done.err
    assert done.err.count("\n") == 1


def test_a_missing_config(nas: Nas) -> None:
    done = nas("search", "absent.toml")
    assert (done.code, done.out) == (2, "")
    assert "absent.toml" in done.err


def test_a_file_that_is_no_archive_is_left_alone(search: Nas, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    done = search("--archive", "notes.txt")
    assert done.code == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_a_broken_plugin_file(search: Nas, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import does_not_exist\n")
    done = search("--plugin", "broken.py")
    assert done.code == 2
    assert "does_not_exist" in done.err
    assert "Traceback" not in done.err


def test_debugging_shows_the_traceback(search: Nas) -> None:
    done = search("--set", "strategy=listd", NAS_DEBUG="1")
    assert done.code == 2
    assert "Traceback" in done.err
    assert done.err.splitlines()[-1].startswith("Error: ")


def test_ctrl_c_prints_the_command_that_goes_on(config: Path, tmp_path: Path) -> None:
    words = [
        *("search", config.name, "--plugin", str(TOY), "--archive", "a b.db"),
        *("--set", "stop.trials=20", *SLOW, "--quiet"),
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "nas", *words],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        wait_for(lambda: running.poll() is not None or trials(tmp_path / "a b.db") >= 2)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert out.startswith("Front of toy: ")
    command = shlex.split(err.splitlines()[-1])
    assert command == ["nas", "resume", "a b.db", "toy", "--plugin", str(TOY)]
    done_before = trials(tmp_path / "a b.db")
    assert 2 <= done_before < 20

    again = [sys.executable, "-m", *command]
    done = subprocess.run(again, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert trials(tmp_path / "a b.db") == 20


def trials(path: Path) -> int:
    """Count complete trials while a search may be writing."""
    try:
        with api.Archive(path) as archive:
            return archive.counts("toy")[api.Status.COMPLETE]
    except api.ArchiveError:  # not there yet
        return 0


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def on_terminal(command: list[str], cwd: Path) -> tuple[int, str, str]:
    """Run with a terminal as stderr; return exit code, stdout, and what the terminal got."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "30"}
    running = subprocess.Popen(
        command, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    os.close(theirs)
    shown: list[bytes] = []

    def read() -> None:
        while select.select([ours], [], [], 60)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:  # the other side is closed
                return
            if not data:
                return
            shown.append(data)

    reader = threading.Thread(target=read)
    reader.start()
    out, _ = running.communicate(timeout=120)
    reader.join(timeout=60)
    os.close(ours)
    return running.returncode, out, b"".join(shown).decode()


def test_a_terminal_shows_a_bar_and_the_front_while_stdout_stays_clean(
    config: Path, tmp_path: Path
) -> None:
    words = [
        *("search", str(config), "--plugin", str(TOY), "--json"),
        *("--set", "stop.trials=6", *SLOW),
    ]
    code, out, shown = on_terminal([sys.executable, "-m", "nas", *words], tmp_path)
    assert code == 0
    assert len(json.loads(out)["front"]) > 0
    screen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "━" in screen
    assert re.search(r"[1-5] of 6 trials after [\d.]+ s, about [\d.]+ s left", screen)
    assert re.search(r"\d in flight, [\d.]+ a second, workers \d+ % idle", screen)
    assert "in flight" in screen
    assert re.search(r"Front: \d trials?", screen)
    assert "\x1b[?25h" in shown, "the cursor is shown again"
    assert screen.rstrip().splitlines()[-1].startswith("Ended: 6 trials are done")
