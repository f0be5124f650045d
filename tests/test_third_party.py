"""Somebody else's distribution: really built, really installed, used in a real search."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELLO = ROOT / "examples" / "nas-hello"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which nas-hello is installed; the environment itself stays as it is."""
    wheels, site = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("site")
    build = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels), str(HELLO)]
    pip(*build)
    (wheel,) = wheels.glob("nas_hello-*.whl")
    pip("install", "--no-deps", "--no-index", "--target", str(site), str(wheel))
    return site


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet", "--no-input"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def python(site: Path, tmp_path: Path) -> Run:
    """Return what runs ``python`` with nas-hello installed, from an empty folder."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, (str(site), os.environ.get("PYTHONPATH", ""))))
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": path, **environment},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    return run


@pytest.fixture
def nas(python: Run) -> Run:
    """Return what runs ``nas`` with nas-hello installed, from an empty folder."""
    return partial(python, "-m", "nas")


def test_its_own_tests_pass(python: Run) -> None:
    done = python("-m", "pytest", "-p", "no:cacheprovider", str(HELLO))
    assert done.returncode == 0, done.stdout


def test_it_is_listed_with_its_distribution(nas: Run) -> None:
    done = nas("plugins", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    (plugin,) = (p for p in listed["plugins"] if p["name"] == "hello")
    assert plugin["distribution"] == "nas-hello"
    assert plugin["version"] == "0.1.0"
    assert plugin["error"] is None
    offered = {c["full_name"]: c["kind"] for c in listed["components"] if c["plugin"] == "hello"}
    assert offered == {"hello:output_spread": "proxy", "hello:activations": "objective"}


def test_its_components_decide_a_search(nas: Run, tmp_path: Path) -> None:
    done = nas("search", str(HELLO / "search.toml"), "--archive", "hello.db", "--json")
    assert done.returncode == 0, done.stderr
    archive = sqlite3.connect(tmp_path / "hello.db")

    used = archive.execute("SELECT role, name, distribution, version FROM components").fetchall()
    assert ("objective", "hello:activations", "nas-hello", "0.1.0") in used
    assert ("proxy", "hello:output_spread", "nas-hello", "0.1.0") in used
    assert {d for _, _, d, _ in used} == {"nas-hello", "plugnas"}

    complete = archive.execute(
        "SELECT t.id, m.value FROM trials t JOIN metrics m ON m.trial = t.id"
        " WHERE t.status = 'complete' AND m.name = 'activations'"
    ).fetchall()
    assert len(complete) == 4
    assert all(0 < value <= 2500 for _, value in complete)
    for trial, _ in complete:
        scores = archive.execute(
            "SELECT s.value, s.architecture = t.architecture FROM scores s"
            " JOIN trials t ON t.id = s.trial WHERE t.id = ? AND s.scorer LIKE 'proxy:%'",
            (trial,),
        ).fetchall()
        assert 1 <= len(scores) <= 4  # those that break the bound are not scored
        best = max(value for value, _ in scores)
        assert 0 < best <= 1
        assert [value for value, chosen in scores if chosen] == [best]
    assert archive.execute("SELECT count(*) FROM front").fetchone()[0] >= 1


def test_without_it_the_config_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nas", "search", str(HELLO / "search.toml")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert "activations" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
