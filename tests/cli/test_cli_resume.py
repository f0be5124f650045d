"""``nas resume`` and ``nas status``: an archive is all that a study needs to go on."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drivers import count, drive, wait_for
from toys import TOY, config, run, told

import nas as api
from nas.archive.writer import Writer
from nas.incident import Incident

Nas = Callable[..., Any]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A study of which 5 trials are done; it asks for 12."""
    path = tmp_path / "half done.db"
    run(config(stop={"trials": 5}), path)
    with api.Archive(path) as opened, Writer.open(path) as writer:
        study = writer.study(opened.study(), opened.components())
        writer.close_session(study, "interrupted", "interrupted")
    return path


def test_the_path_alone_is_enough(nas: Nas, archive: Path, tmp_path: Path) -> None:
    done = nas("resume", archive, "--plugin", TOY, "--set", "stop.trials=12")
    assert done.code == 0
    assert "going on from 5 trials" in done.err
    assert "Ended: 12 trials are done" in done.err
    whole = run(config(stop={"trials": 12}), tmp_path / "whole.db")
    with api.Archive(archive) as opened:
        assert told(opened.trials()) == told(whole.trials)


def test_what_a_session_was_told_holds_for_the_next(nas: Nas, archive: Path) -> None:
    nas("resume", archive, "--plugin", TOY, "--set", "stop.trials=7")
    assert "Ended: 7 trials are done" in nas("resume", archive, "--plugin", TOY).err


def test_a_plugin_file_is_asked_for_by_name(nas: Nas, archive: Path) -> None:
    done = nas("resume", archive)
    assert done.code == 2
    assert "add --plugin toy.py" in done.err
    with api.Archive(archive) as opened:
        assert len(opened.trials()) == 5


def test_only_how_a_study_is_run_may_change(nas: Nas, archive: Path) -> None:
    done = nas("resume", archive, "--plugin", TOY, "--set", "evaluator.seconds=1")
    assert done.code == 2
    assert "only limits, run, stop may change" in done.err
    assert (
        "unknown key 'stop.trial'"
        in nas("resume", archive, "--plugin", TOY, "--set", "stop.trial=9").err
    )


def test_of_several_studies_the_one_that_has_not_finished_goes_on(nas: Nas, archive: Path) -> None:
    run(config(study="done"), archive)
    done = nas("resume", archive, "--plugin", TOY, "--set", "stop.trials=6")
    assert done.err.startswith("toy: ")


def test_if_it_is_not_clear_which_study_the_error_names_them(nas: Nas, archive: Path) -> None:
    nas("resume", archive, "--plugin", TOY)
    run(config(study="done"), archive)
    done = nas("resume", archive, "--plugin", TOY)
    assert done.code == 2
    assert "name one of done, toy" in done.err
    assert "has no study 'ty'. Did you mean 'toy'?" in nas("resume", archive, "ty").err


def test_an_archive_that_is_not_there_is_not_made(nas: Nas, tmp_path: Path) -> None:
    done = nas("resume", "no.db")
    assert done.code == 2
    assert "there is no archive 'no.db'" in done.err
    assert not (tmp_path / "no.db").exists()


def test_a_function_that_an_archive_names_is_called_with_consent_only(
    nas: Nas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(SAMPLES)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "a.db"
    shape = {"name": "toy", "input_shape": [4], "classes": 2}
    run(config(data={"name": "factory", "function": "mine:samples"}, space=shape), path)
    called = (tmp_path / "called").stat().st_size
    refused = nas("resume", path, "--plugin", TOY)
    assert refused.code == 2
    assert "come from calling 'mine:samples'" in refused.err
    assert "add --trust" in refused.err
    assert (tmp_path / "called").stat().st_size == called
    more = ("--set", "stop.trials=12")
    assert nas("resume", path, "--plugin", TOY, "--trust", *more).code == 0
    assert (tmp_path / "called").stat().st_size > called


SAMPLES = """
import numpy as np
from pathlib import Path

def samples():
    with Path(__file__).with_name("called").open("a") as file:
        file.write("x")
    return np.zeros((40, 4), np.float32), np.tile([0, 1], 20)
"""


def test_from_python(archive: Path) -> None:
    result = api.resume(archive, plugins=[TOY], overrides=["stop.trials=8"])
    assert len(result.trials) == 8


def test_status_of_a_study_that_has_ended(nas: Nas, archive: Path) -> None:
    lines = nas("status", archive).out.splitlines()
    assert lines[0] == "toy: interrupted: interrupted"
    assert lines[1] == "Trials: 5 complete"
    assert lines[2].startswith("2 sessions, ")
    document = json.loads(nas("status", archive, "--json").out)
    assert (document["status"], document["trials"]["complete"]) == ("interrupted", 5)
    assert document["driver"]["alive"] is False


def test_status_says_what_runs_where_and_that_a_driver_was_killed(nas: Nas, tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    slow = config(evaluator={"name": "tally", "seconds": 0.4}, stop={"trials": 500})
    on_ray = {**slow, "run": {"executor": "ray", "workers": 2}}
    search = drive(on_ray, path, TOY)
    try:
        wait_for(lambda: count(path) >= 2, search)
        shown = wait_for(lambda: _running(nas, path), search)
        assert f"running, process {search.pid} on " in shown
        assert re.search(r"2 workers, \d+ waiting", shown)
        assert len(re.findall(r"trial number \d+ on .+ pid \d+ for ", shown)) == 2
    finally:
        search.kill()
        search.communicate()
    killed = nas("status", path).out
    assert "its driver was killed; `nas resume` goes on with it" in killed
    assert json.loads(nas("status", path, "--json").out)["status"] == "killed"


def _running(nas: Nas, path: Path) -> str:
    time.sleep(0.5)
    shown: str = nas("status", path).out
    return shown if shown.count("trial number") == 2 else ""


def test_status_lists_what_was_lost_and_why_nothing_runs(nas: Nas, archive: Path) -> None:
    with api.Archive(archive) as opened, Writer.open(archive) as writer:
        study = writer.study(opened.study(), opened.components())
        stuck = "no node has room: it needs {'tpu': 1}"
        state = {"workers": 0, "waiting": 8, "running": [], "stuck": stuck}
        writer.heartbeat(study, state)
        lost = Incident(time.time(), "node", "node \x1b[31mred\x1b[0m was lost", 3, "red pid 1")
        writer.incidents(study, [lost])
        shown = nas("status", archive).out
        assert f"Nothing can run: {stuck}" in shown
        assert re.search(
            r"1 incident; .*\n +\d{4}-.* node: node .* was lost \(trial number 3\)", shown
        )
        assert "\x1b" not in shown
        document = json.loads(nas("status", archive, "--json").out)
        assert document["incidents"][0]["kind"] == "node"
        assert document["now"]["stuck"] == stuck
