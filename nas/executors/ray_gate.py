"""What stands at the door of a node: it needs nothing there but Ray and Python.

Ray gets it by value. So it runs where this package is missing or is another version, can say so,
and imports nothing else of ours before the node is known to have what the driver has.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import platform
import shutil
import sys
import tempfile
import traceback
import zipfile
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray import cloudpickle  # noqa: TID253 - as above

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]


# Ray's own restarts and retries are off: with them one crashing candidate takes its neighbours
# along, and a crash cannot be told from a lost node. Deadlines and retries are the driver's.
@ray.remote(max_restarts=0, max_task_retries=0)
class WorkerActor:
    """Compares what is installed, takes what was sent along, and only then begins to work.

    Args:
        required: versions by distribution.
        parcels: a reference to what was sent along: digest and content of each.
        arguments: a list, so that Ray leaves it alone, with a reference to what the worker is built
            with: it cannot be read where this package is missing.
    """

    def __init__(self, required: dict[str, str], parcels: Any, arguments: list[Any]) -> None:
        self._required, self._parcels, self._arguments = required, parcels, arguments
        self._runner: Any = None

    def hello(self) -> str:
        """Get ready; the clock of no trial runs yet. Returns JSON: see ``ray_hello``."""
        where = f"{platform.node()} pid {os.getpid()}"
        try:
            for digest, content in self._parcels:
                _open(digest, content)
            found = _others(self._required)
            if found:
                return json.dumps({"where": where, "found": found})
            from nas.executors.ray_actor import JobRunner

            self._runner = JobRunner(*ray.get(self._arguments[0]))
        except Exception:  # noqa: BLE001 - somebody's plugin; the driver says what it was
            problem = traceback.format_exc(limit=-3).strip()
            return json.dumps({"where": where, "problem": problem})
        return json.dumps({"where": where})

    @ray.method(num_returns=2)
    def run(self, packed: bytes) -> tuple[bytes, dict[int, bytes]]:
        """Evaluate jobs; the weights stay where they are until somebody wants them."""
        outcomes: tuple[bytes, dict[int, bytes]] = self._runner.run(packed)
        return outcomes

    def run_whole(self, packed: bytes) -> bytes | tuple[bytes, dict[int, bytes]]:
        """Evaluate jobs; weights come along. A second object would cost a fifth of a call."""
        outcomes, weights = self._runner.run(packed)
        return (outcomes, weights) if weights else outcomes


def _others(required: dict[str, str]) -> dict[str, str]:
    """Return the versions that differ, empty for what is not installed.

    As PEP 440 has it, a version without a local part (``2.13.0``) is met by any build of it
    (``2.13.0+cu130``).
    """
    found = {name: _version(name) for name in required}
    return {
        name: there
        for name, there in found.items()
        if required[name] not in (there, there.partition("+")[0])
    }


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _open(digest: str, content: bytes) -> None:
    """Put a distribution before all others on the path; its files stay for the next worker."""
    from ray._private import worker

    node: Any = worker._global_node
    shelf = os.path.join(node.get_session_dir_path(), "nas-shipped")
    folder = os.path.join(shelf, digest)
    if not os.path.isdir(folder):
        os.makedirs(shelf, exist_ok=True)
        fresh = tempfile.mkdtemp(dir=shelf)
        with zipfile.ZipFile(io.BytesIO(content)) as parcel:
            parcel.extractall(fresh)
        try:
            os.rename(fresh, folder)
        except OSError:  # another worker of this node was quicker
            shutil.rmtree(fresh, ignore_errors=True)
            if not os.path.isdir(folder):
                raise
    sys.path.insert(0, folder)
    paths = (folder, os.environ.get("PYTHONPATH", ""))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, paths))  # of what a candidate starts
    importlib.invalidate_caches()
