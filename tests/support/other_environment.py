"""A second Python environment, made of links in a moment, and a Ray node started from it."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import time
import venv
from contextlib import suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from drivers import alive, descendants

OURS = sorted({e.module.partition(".")[0] for e in distribution("plugnas").entry_points})
"""The packages of plugnas."""
SECONDS = 60.0


def lay_out(site: Path, name: str, version: str, source: str = "", plugin: str = "") -> None:
    """Put a distribution of one package into a folder, as an installer would leave it.

    Args:
        site: the folder.
        name: of the distribution and its package.
        version: of the distribution.
        source: of the package; without it, there is metadata alone.
        plugin: name of its entry point, if it is a plugin.
    """
    about = site / f"{name}-{version}.dist-info"
    files = {
        f"{about.name}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{about.name}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if plugin:
        files[f"{about.name}/entry_points.txt"] = f"[nas]\n{plugin} = {name}\n"
    if source:
        files |= {f"{name}/__init__.py": source, f"{name}/about.txt": version}
    record = f"{about.name}/RECORD"
    files[record] = "".join(f"{path},,\n" for path in (*files, record, "../../bin/x"))
    for path, content in files.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(content)


class OtherEnvironment:
    """A virtual environment that has everything that this one has, by links.

    Args:
        folder: where it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder, symlinks=True)
        self.python = folder / "bin" / "python"
        self.site = folder / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
        (folder / "abroad").touch()
        for scheme in ("purelib", "platlib"):
            for path in Path(sysconfig.get_path(scheme)).iterdir():
                if path.suffix != ".pth" and not (self.site / path.name).exists():
                    (self.site / path.name).symlink_to(path)
        for name in OURS:
            (self.site / name).unlink(missing_ok=True)
        self.install_plugnas()

    def install_plugnas(self) -> None:
        """Link our packages, wherever they are imported from."""
        for name in OURS:
            (self.site / name).symlink_to(Path(str(importlib.import_module(name).__file__)).parent)
        about = Path(str(distribution("plugnas").locate_file(""))) / self._about("plugnas")
        (self.site / about.name).unlink(missing_ok=True)
        (self.site / about.name).symlink_to(about)

    def _about(self, name: str) -> str:
        return f"{name}-{distribution(name).version}.dist-info"

    def remove(self, name: str, *packages: str) -> None:
        """Take a distribution away: its metadata, and packages."""
        for path in [*self.site.glob(f"{name}-*.dist-info"), *(self.site / p for p in packages)]:
            if path.is_symlink():
                path.unlink()
            else:
                shutil.rmtree(path, ignore_errors=True)

    def metadata(self, name: str) -> Path:
        """Return where the metadata of a distribution really is."""
        (link,) = self.site.glob(f"{name}-*.dist-info")
        return link.resolve()


class Node:
    """A node of a cluster: ``ray start``, with the Python of another environment.

    Args:
        environment: whose Python.
        address: of the head.
        resources: that it has, beside one CPU.
    """

    def __init__(
        self, environment: OtherEnvironment, address: str, resources: dict[str, float]
    ) -> None:
        command = [environment.python, "-m", "ray.scripts.scripts", "start", "--block"]
        command += [f"--address={address}", "--num-cpus=1", "--object-store-memory=100000000"]
        command += [f"--resources={json.dumps(resources)}", "--disable-usage-stats"]
        without = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        variables = {k: v for k, v in os.environ.items() if k not in without}
        self.log = environment.folder / "node.log"
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env={**variables, "RAY_USAGE_STATS_ENABLED": "0"},
                cwd=environment.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, seen: Any) -> None:
        """Return when ``seen()`` says that the node is there."""
        deadline = time.monotonic() + SECONDS
        while not seen():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def end(self) -> None:
        """End what it has started, and nothing else."""
        family = [self._process.pid, *descendants(self._process.pid)]
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        for pid in filter(alive, family):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
