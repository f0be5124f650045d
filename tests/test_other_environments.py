"""Plugins on a node of a real cluster that has a Python environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from drivers import drive, ended
from other_environment import OURS, Node, OtherEnvironment, lay_out
from toys import TOY, config, rows

import nas
from nas.executors import ray_settings

ray_settings.apply()

SOURCE = """
import os
import sys
from dataclasses import dataclass
from importlib import resources

import nas

@dataclass(frozen=True)
class Abroad(nas.Evaluator):
    "Says whether it runs in the second environment, and which version it is."
    metrics = ("total", "abroad", "version")
    needs_data = False

    def evaluate(self, task, report):
        abroad = os.path.isfile(os.path.join(sys.prefix, "abroad"))
        about = resources.files("faraway") / "about.txt" if WHOLE else None
        version = float(about.read_text()) if about else 0.0
        return nas.Evaluation({"total": 1.0, "abroad": float(abroad), "version": version})

@nas.hookimpl
def nas_evaluators():
    return [nas.Component("abroad", Abroad, "a test")]
"""
"""A plugin with a file of data beside its code."""
INSTALLED, ALONE = (SOURCE.replace("WHOLE", whole) for whole in ("True", "False"))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> OtherEnvironment:
    return OtherEnvironment(tmp_path_factory.mktemp("other") / "environment")


@pytest.fixture(scope="module")
def address(there: OtherEnvironment) -> Iterator[str]:
    """A head that runs nothing, and one node from the other environment."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    node = Node(there, cluster.address, {"abroad": 2})
    try:
        node.wait_for(lambda: cluster.global_state.cluster_resources().get("abroad") == 2)
        yield cluster.address
    finally:
        node.end()
        cluster.shutdown()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install version 1.0 of the plugin where the driver finds it, and nobody else."""
    site = tmp_path / "here"
    lay_out(site, "faraway", "1.0", INSTALLED, plugin="faraway")
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    return site


@pytest.fixture(autouse=True)
def clean(there: OtherEnvironment) -> Iterator[None]:
    yield
    there.remove("faraway", "faraway")


def search(archive: Path, address: str, *plugins: Path, **run: Any) -> subprocess.Popen[str]:
    values = config(
        objectives=["total"],
        evaluator={"name": "abroad", "resources": {"abroad": 1}},
        stop={"trials": 2},
        run={"executor": "ray", **run},
    )
    return drive(values, archive, TOY, *plugins, address=address, cwd=archive.parent)


def finds(archive: Path, search: subprocess.Popen[str]) -> set[tuple[float, float]]:
    """Wait for a search that must succeed; return what it found."""
    assert ended(search) == "2 trials are done"
    return found(archive)


def found(archive: Path) -> set[tuple[float, float]]:
    """Return whether trials ran in the other environment, and the version of the plugin there."""
    with nas.Archive(archive) as opened:
        trials = opened.trials()
    return {(trial.metrics["abroad"], trial.metrics["version"]) for trial in trials}


def refused(search: subprocess.Popen[str]) -> str:
    """Wait for a search that must end with an error; return its last line."""
    _, err = search.communicate(timeout=60)
    assert search.returncode == 1
    return err.strip().splitlines()[-1]


def test_a_plugin_file_travels(tmp_path: Path, address: str) -> None:
    (tmp_path / "alone.py").write_text(ALONE)
    archive = tmp_path / "a.db"
    assert finds(archive, search(archive, address, tmp_path / "alone.py")) == {(1.0, 0.0)}


def test_the_same_version_works(
    tmp_path: Path, address: str, there: OtherEnvironment, here: Path
) -> None:
    lay_out(there.site, "faraway", "1.0", INSTALLED, plugin="faraway")
    archive = tmp_path / "a.db"
    assert finds(archive, search(archive, address)) == {(1.0, 1.0)}


def test_what_is_missing_is_refused_until_it_is_sent(
    tmp_path: Path, address: str, here: Path
) -> None:
    archive = tmp_path / "a.db"
    text = refused(search(archive, address))
    assert "no worker could start: node " in text
    assert "faraway is not installed there, 1.0 here" in text
    assert "pip install faraway==1.0, or send yours with --ship faraway" in text
    words = ["resume", archive.name, "--plugin", str(TOY), "--address", address]
    done = subprocess.run(
        [sys.executable, "-m", "nas", *words, "--ship", "faraway", "--quiet"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert found(archive) == {(1.0, 1.0)}
    assert rows(archive, "SELECT kind FROM incidents") == [("version",)]


def test_another_version_is_refused_until_ours_is_sent(
    tmp_path: Path, address: str, there: OtherEnvironment, here: Path
) -> None:
    lay_out(there.site, "faraway", "2.0", INSTALLED, plugin="faraway")
    archive = tmp_path / "a.db"
    text = refused(search(archive, address))
    assert "faraway 2.0 there, 1.0 here" in text
    assert "--ship faraway" in text
    assert finds(archive, search(archive, address, ship=["faraway"])) == {(1.0, 1.0)}


def test_another_torch_and_no_plugnas_at_all_are_refused(
    tmp_path: Path, address: str, there: OtherEnvironment
) -> None:
    (tmp_path / "alone.py").write_text(ALONE)
    torch = there.metadata("torch")
    there.remove("torch")
    there.remove("plugnas", *OURS)
    lay_out(there.site, "torch", "2.0.1")
    try:
        text = refused(search(tmp_path / "a.db", address, tmp_path / "alone.py"))
    finally:
        there.remove("torch")
        (there.site / torch.name).symlink_to(torch)
        there.install_plugnas()
    version = torch.name.removeprefix("torch-").removesuffix(".dist-info").partition("+")[0]
    assert f"torch 2.0.1 there, {version} here" in text
    assert f"plugnas is not installed there, {nas.__version__} here" in text
    assert f"plugnas=={nas.__version__}" in text
    assert "--ship" not in text


def test_a_driver_with_another_python_is_refused(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(OTHER_PYTHON)
    (tmp_path / "alone.py").write_text(ALONE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    driver = search(tmp_path / "a.db", address, tmp_path / "alone.py")
    _, err = driver.communicate(timeout=60)
    assert driver.returncode == 1
    error = err[err.rindex("nas.errors.StudyError") :]
    assert "Version mismatch" in error
    assert "Python: 3.10.99" in error


OTHER_PYTHON = """
import ray
import ray._private.utils
ray._private.utils.compute_version_info = lambda: (ray.__version__, "3.10.99")
"""
