"""Candidates that misbehave: each a failed trial of its kind, at no other trial's cost."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import nas

FAULTY = Path(__file__).parent / "files" / "faulty.py"

KINDS = {
    "fine": None,
    "raises": "error",
    "unpicklable": "error",
    "unspeakable": "error",
    "base_exception": "error",
    "exits": "error",
    "recurses": "error",
    "nan": "non-finite",
    "infinite": "non-finite",
    "text": "error",
    "nothing": "error",
    "gpu_memory": "memory",
    "hog": "memory",
    "torch_hog": "memory",
    "busy": "timeout",
    "sleeps": "timeout",
}
ON_RAY = {
    **KINDS,
    "chatty": None,
    "orphans": None,
    "asks_child": None,
    "interrupts": "error",
    "stubborn": "timeout",
    "sleeps_with_child": "timeout",
    "dies": "crashed",
    "segfault": "crashed",
    "aborts": "crashed",
}
"""What only a process of its own can be kept from taking everything with it."""


def search(folder: Path, faults: dict[str, Any], executor: str) -> dict[tuple[str, int], nas.Trial]:
    values = {
        "study": "faults",
        "objectives": ["score"],
        "space": {"name": "faults", "faults": list(faults)},
        "evaluator": {"name": "faulty", "folder": str(folder)},
        "strategy": "in_order",
        "stop": {"trials": 2 * len(faults)},
        "limits": {"timeout": 3, "memory": 3e8},
        "run": {"executor": executor, "workers": 2}
        if executor == "ray"
        else {"executor": executor},
    }
    trials = nas.search(values, folder / "a.db", plugins=[FAULTY]).trials
    return {(str(t.architecture["fault"]), int(t.architecture["copy"])): t for t in trials}


def check(trials: dict[tuple[str, int], nas.Trial], faults: dict[str, Any]) -> None:
    found = {
        name: trials[name, 1].failure.kind if trials[name, 1].failure else None for name in faults
    }
    assert found == faults
    assert all(trials[name, 0].status == "complete" for name in faults), "a neighbour paid for it"


def alive(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def check_no_children(folder: Path, expected: int) -> None:
    pids = [int(path.stem) for path in folder.glob("*.pid")]
    assert len(pids) == expected
    deadline = time.monotonic() + 20
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not any(map(alive, pids))


def test_on_ray_every_fault_is_a_trial_of_its_kind(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    trials = search(tmp_path, ON_RAY, "ray")
    check(trials, ON_RAY)
    check_no_children(tmp_path, 3)
    ended = subprocess.run([sys.executable, "-c", "import sys; sys.exit(3)"], check=False)
    assert ended.returncode == 3, "Ray has left the driver without its children's exit status"
    assert "this candidate cannot be trained" in trials["raises", 1].failure.message
    assert "in _raises" in trials["raises", 1].failure.traceback
    assert "after 3 seconds" in trials["sleeps", 1].failure.message
    assert 3 <= trials["sleeps", 1].seconds < 10
    assert "CUDA out of memory" in trials["gpu_memory", 1].failure.message
    output = capfd.readouterr()
    assert len(output.out) + len(output.err) < 10_000, "what candidates print fills the terminal"
    # not a speed: without limits it would be half an hour
    assert time.monotonic() - began < 150


def test_inline_every_fault_that_leaves_the_process_alive_is_a_trial_of_its_kind(
    tmp_path: Path,
) -> None:
    check(search(tmp_path, KINDS, "inline"), KINDS)


def test_a_limit_changes_no_study(tmp_path: Path) -> None:
    faults = {"fine": None, "sleeps": "timeout"}
    search(tmp_path, faults, "inline")
    changed = {"limits": {"timeout": 99}, "stop": {"trials": 4}}
    with nas.Archive(tmp_path / "a.db") as archive:
        config = {**archive.study().config, **changed}
    assert len(nas.search(config, tmp_path / "a.db", plugins=[FAULTY]).trials) == 4


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"timeout": 0}, "limits.timeout: input should be greater than 0"),
        ({"memory": 5}, "limits.memory: input should be greater than or equal to 1048576"),
        ({"time": 5}, "unknown key 'limits.time'.*timeout"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(nas.ConfigError, match=message):
        nas.Config.parse(
            {
                "study": "s",
                "objectives": ["score"],
                "space": "faults",
                "evaluator": "faulty",
                "strategy": "random",
                "stop": {"trials": 1},
                "limits": limits,
            }
        )
