"""Every example runs, by the command that its own comment gives; where that takes long, shorter."""

from __future__ import annotations

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from toys import rows

import nas
from nas.cli.main import main
from nas.plugins import PluginFile, Plugins
from nas.testing import Inapplicable, laws_of, subjects

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs" / "examples.md").read_text(encoding="utf-8")
BUILT_INS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["nas"]
BY_TESTS_OF_THEIR_OWN = {"nas-hello": "test_third_party.py", "table.toml": "test_digits_cells.py"}
INLINE = "--set run.executor=inline"
SHORTER = {
    "benchmark.toml": f"{INLINE} --set seeds=1 --set trials=20 --set checkpoints=[20]",
    "breast_cancer.toml": f"{INLINE} --set stop.trials=4 --set evaluator.epochs=2",
    "cluster.sh": "--set stop.trials=4 --set evaluator.epochs=1 --set filter.candidates=2",
    "digits.toml": f"{INLINE} --set stop.trials=3 --set evaluator.epochs=1",
    "fidelity.toml": f"{INLINE} --set stop.trials=4 --set evaluator.evaluator.epochs=1",
    "hyper.toml": f"{INLINE} --set stop.trials=4 --set evaluator.epochs=1",
    "latency.toml": f"{INLINE} --set stop.trials=4 --set evaluator.epochs=1",
    "own_space.py": "stop.trials=3 evaluator.epochs=1 run.executor=inline",
    "pbt.toml": f"{INLINE} --set stop.budget=16 --set evaluator.epochs=4 --set window=4"
    " --set strategy.population=4",
    "query.py": "",
    "scheduler.toml": f"{INLINE} --set stop.budget=12 --set evaluator.epochs=4",
    "standalone.toml": "--set stop.trials=6 --set evaluator.epochs=10",
}
"""What is added to the command of an example, so that it ends soon."""
OF_OTHERS = {"standalone.py": "standalone.toml"}
"""Files that another example needs; their command is that one's."""


FILES = sorted(p.name for p in EXAMPLES.iterdir() if not p.name.startswith((".", "__")))


def command(name: str) -> str:
    """Return the command in the comment at the top of an example."""
    top = (EXAMPLES / name).read_text(encoding="utf-8")
    found = re.search(rf"^(?:#   |    )((?:nas|python|sh) .*examples/{name}.*)$", top, re.MULTILINE)
    assert found, f"the comment at the top of {name} does not say how it is run"
    return found[1]


@dataclass(frozen=True)
class Done:
    out: str
    err: str
    archive: Path


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder but for the examples; commands are typed there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(EXAMPLES)
    return tmp_path


@pytest.fixture
def example(folder: Path) -> Callable[..., Done]:
    """Return what runs an example in a process of its own."""

    def run(name: str, **environment: str) -> Done:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            shlex.split(f"{command(name)} {SHORTER[name]}"),
            env={**os.environ, "PATH": path, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return Done(done.stdout, done.stderr, folder / "nas.db")

    return run


@pytest.fixture
def typed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    """Return what runs a ``nas`` command in this process: each start of another takes seconds."""

    def run(line: str, **environment: str) -> Done:
        monkeypatch.setattr(sys, "argv", shlex.split(line))
        capsys.readouterr()
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            code = main()
        said = capsys.readouterr()
        assert code == 0, said.err
        return Done(said.out, said.err, folder / "nas.db")

    return run


def ended(archive: Path) -> dict[str, int]:
    return dict(rows(archive, "SELECT status, count(*) FROM trials GROUP BY status"))


@pytest.mark.parametrize("name", FILES)
class TestEach:
    def test_is_run_here_or_by_a_test_of_its_own(self, name: str) -> None:
        if name in BY_TESTS_OF_THEIR_OWN:
            test = Path(__file__).with_name(BY_TESTS_OF_THEIR_OWN[name])
            assert f'"{name}"' in test.read_text(encoding="utf-8")
        else:
            assert name in {**SHORTER, **OF_OTHERS}

    def test_is_on_the_page_with_its_command(self, name: str) -> None:
        assert f"(../examples/{name})" in PAGE
        if (EXAMPLES / name).is_file():
            typed = command(OF_OTHERS.get(name, name))
            assert typed in PAGE.splitlines()


@pytest.mark.parametrize(
    "name",
    [name for name in SHORTER if SHORTER[name].startswith(INLINE) and name != "latency.toml"],
)
def test_a_config_is_searched(name: str, typed: Callable[..., Done]) -> None:
    done = typed(f"{command(name)} {SHORTER[name]}")
    statuses = ended(done.archive)
    assert statuses.pop("complete", 0) >= 1, done.out
    assert set(statuses) <= {"stopped", "paused"}
    if name == "benchmark.toml":
        assert "the line to beat" in done.out
    else:
        assert re.search(r"^Front of [\w-]+: \d+ of \d+ complete trials$", done.out, re.MULTILINE)


def test_a_bound_on_what_is_measured(typed: Callable[..., Done]) -> None:
    done = typed(f"{command('latency.toml')} {SHORTER['latency.toml']}")
    (bound,) = re.findall(r"max = ([\d.]+) ", (EXAMPLES / "latency.toml").read_text())
    with nas.Archive(done.archive) as archive:
        trials, front = archive.trials(), archive.front()
    assert len(trials) == 4
    for trial in trials:
        assert trial.feasible == (trial.metrics["latency"] <= float(bound))
    assert all(trial.feasible for trial in front)


def test_a_space_and_a_data_set_of_ones_own(example: Callable[..., Done]) -> None:
    done = example("own_space.py")
    used = dict(rows(done.archive, "SELECT role, name FROM components"))
    assert used["space"] == "own_space:readers"
    assert used["dataset"] == "own_space:pairs"
    assert "3 trials are done" in done.out
    assert ended(done.archive) == {"complete": 3}


def test_an_archive_answers(example: Callable[..., Done]) -> None:
    out = example("query.py").out
    assert "200 trials are done" in out
    assert "ancestors: [" in out
    assert "skip_connect" in out


def test_with_every_built_in_disabled(
    example: Callable[..., Done], typed: Callable[..., Done]
) -> None:
    without = {"NAS_DISABLE_PLUGINS": ",".join(BUILT_INS)}
    done = example("standalone.toml", **without)
    assert "2 workers" in done.err
    used = rows(done.archive, "SELECT role, name, distribution FROM components ORDER BY role")
    assert used == [
        ("evaluator", "standalone:cross_validated", "(file)"),
        ("objective", "standalone:wrong", "(file)"),
        ("space", "standalone:dense", "(file)"),
        ("strategy", "standalone:climb", "(file)"),
    ]
    plugin = "--plugin examples/standalone.py"
    assert "Front of wine: " in typed("nas front nas.db", **without).out
    typed(f"nas resume nas.db {plugin} --set stop.trials=8 {INLINE}", **without)
    assert ended(done.archive) == {"complete": 8}
    assert len(rows(done.archive, "SELECT id FROM sessions")) == 2
    listed = json.loads(typed(f"nas plugins {plugin} --json", **without).out)
    assert [found["name"] for found in listed["plugins"]] == ["standalone"]
    assert {found["kind"] for found in listed["components"]} == {
        "evaluator",
        "objective",
        "space",
        "strategy",
    }


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_cluster_of_two_nodes(example: Callable[..., Done]) -> None:
    done = example("cluster.sh", PORT=str(free_port()))
    assert ended(done.archive) == {"complete": 4}
    workers = rows(done.archive, "SELECT DISTINCT worker FROM trials")
    assert len(workers) == 2, "a node has one CPU, and each did its share"


@pytest.mark.parametrize("name", ["own_space.py", "standalone.py"])
def test_plugins_among_them_are_sound(name: str) -> None:
    plugins = Plugins([PluginFile.read(EXAMPLES / name)])
    for subject in subjects(plugins, name.removesuffix(".py")):
        for law in laws_of(subject.kind):
            if law.name != "runs-on-a-ray-worker":  # its search does, above
                with suppress(Inapplicable):
                    law(subject)
