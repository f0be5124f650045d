"""``NAS_TRACE_PLUGINS``: what is called, with what, what came back, and how long it took."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from toys import TOY, config

import nas
from nas.plugins import PluginFile, Plugins

LINE = re.compile(r"trace: (\w+)\.(nas_\w+)\((.*)\) -> (.+) \[\d+\.\d\d ms\]")
TALKER = """
import nas

@nas.hookimpl
def nas_proxies():
    return (nas.Component(name, lambda: 1, "s") for name in ("a", "b", "c"))

@nas.hookimpl
def nas_trial_finished(study, trial):
    if trial.number == 1:
        raise RuntimeError("no disk\\nat all")

@nas.hookimpl
def nas_front_changed(front):
    return "x" * 500

@nas.hookimpl
def nas_study_finished(reason): ...

@nas.hookimpl
def nas_commands(cli):
    @cli.command()
    def greet() -> None:
        print("hello")
"""


def lines(text: str) -> list[tuple[str, ...]]:
    """Read what was traced; every line of it has the same form."""
    found = [line for line in text.splitlines() if line.startswith("trace: ")]
    matches = [LINE.fullmatch(line) for line in found]
    assert all(matches), found
    return [match.groups() for match in matches if match]


def run(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "nas", *map(str, words)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def talker(tmp_path: Path) -> Path:
    path = tmp_path / "talker.py"
    path.write_text(TALKER)
    return path


def test_on_the_command_line_the_json_stays_clean(talker: Path) -> None:
    done = run("plugins", "--plugin", talker, "--json", NAS_TRACE_PLUGINS="1")
    assert done.returncode == 0
    assert "talker" in {c["plugin"] for c in json.loads(done.stdout)["components"]}
    traced = lines(done.stderr)
    assert ("talker", "nas_proxies", "", "3 components") in traced
    assert ("mlp", "nas_search_spaces", "", "1 component") in traced
    assert "Traceback" not in done.stderr


def test_a_search_shows_events_with_what_they_tell_and_what_failed(
    talker: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NAS_TRACE_PLUGINS", "1")
    values = config(stop={"trials": 2})
    nas.search(values, tmp_path / "a.db", plugins=[TOY, talker])
    said = capsys.readouterr()
    assert said.out == ""
    traced = [line for line in lines(said.err) if line[0] == "talker"]
    assert traced[0] == ("talker", "nas_proxies", "", "3 components")
    told = [line[1:] for line in traced[1:]]
    finished = [line[1:] for line in told if line[0] == "nas_trial_finished"]
    assert finished == [
        ("study='toy', trial=trial 0 (complete)", "nothing"),
        ("study='toy', trial=trial 1 (complete)", "raised RuntimeError: no disk at all"),
    ]
    (front,) = (line for line in told if line[0] == "nas_front_changed")
    assert front[1] == "front=(0,)"
    assert len(front[2]) < 80
    assert told[-1] == ("nas_study_finished", "reason='2 trials are done'", "nothing")


def test_commands_of_plugins(tmp_path: Path) -> None:
    about = tmp_path / "talker-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: talker\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[nas]\ntalker = talker\n")
    (tmp_path / "talker.py").write_text(TALKER)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))
    done = run("greet", NAS_TRACE_PLUGINS="yes", PYTHONPATH=path)
    assert (done.returncode, done.stdout) == (0, "hello\n")
    assert lines(done.stderr) == [("talker", "nas_commands", "", "greet")]


@pytest.mark.parametrize("value", ["", "0", "off", "No"])
def test_switched_off(
    value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NAS_TRACE_PLUGINS", value)
    Plugins([PluginFile("talker", "talker.py", TALKER)])
    assert capsys.readouterr().err == ""


def test_a_value_that_says_neither_is_told_and_nothing_else_changes() -> None:
    done = run("plugins", "--json", NAS_TRACE_PLUGINS="loud\n")
    assert done.returncode == 0
    assert json.loads(done.stdout)["components"]
    assert done.stderr == "NAS_TRACE_PLUGINS=loud shows no hook calls: 1 does, 0 does not\n"
