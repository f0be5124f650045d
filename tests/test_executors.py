"""The same search inline and on Ray: same trials, whatever dies on the way."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import nas
from nas.executors.jobs import Job, Outcome, Ref, Setup
from nas.executors.packing import pack_call, pack_outcomes, unpack_call, unpack_outcomes
from nas.plugins import PluginFile
from nas.trial import CurvePoint, Failure, Measurement

TOY = Path(__file__).parent / "files" / "toy.py"


def config(**changes: Any) -> dict[str, Any]:
    return {
        "study": "toy",
        "objectives": ["total", "spread"],
        "space": "toy",
        "evaluator": "tally",
        "strategy": "climb",
        "stop": {"trials": 30},
        "run": {"executor": "ray", "workers": 2},
        **changes,
    }


def trials(values: dict[str, Any], path: Path) -> list[tuple[Any, ...]]:
    found = nas.search(values, path, plugins=[TOY]).trials
    return [
        (
            t.number,
            t.architecture,
            t.status,
            t.losses,
            t.seed,
            t.parents,
            t.failure and t.failure.kind,
        )
        for t in found
    ]


def test_jobs_and_outcomes_cross_the_border_as_json() -> None:
    architectures = nas.Architecture({"a": 1, "b": "x"}), nas.Architecture({"a": True})
    jobs = [Job(3, architectures[0], 12, 99), Job(4, architectures[1], None, 0)]
    assert unpack_call(pack_call(7, jobs)) == (7, jobs)
    json.loads(pack_call(7, jobs))
    outcomes = [
        Outcome(
            3,
            {"error": 0.5},
            {"latency": Measurement(1.0, 0.1, {"batch": 1})},
            (CurvePoint(1, {"error": 0.7}),),
            None,
            1.0,
            2.0,
            "host",
        ),
        Outcome(4, failure=Failure("error", "no", "here")),
    ]
    assert unpack_outcomes(pack_outcomes(outcomes)) == outcomes
    setup = Setup(Ref("a:b", {"x": 1}), Ref("c:d"), (Ref("e:f"),), (PluginFile("n", "p", "s"),))
    assert Setup.from_json(setup.to_json()) == setup


def test_ray_at_one_and_two_workers_and_inline_give_the_same_trials(tmp_path: Path) -> None:
    inline = trials(config(run={"executor": "inline"}), tmp_path / "inline.db")
    for workers in (1, 2):
        on_ray = config(run={"executor": "ray", "workers": workers})
        assert trials(on_ray, tmp_path / f"ray{workers}.db") == inline


def test_a_candidate_that_kills_its_worker_costs_no_other_trial_anything(tmp_path: Path) -> None:
    deadly = config(
        strategy="listed",
        objectives=["total"],
        evaluator={"name": "tally", "on": 1, "mode": "exit"},
        space={"name": "toy", "length": 2, "base": 3},
        stop={"trials": 9},
    )
    result = nas.search(deadly, tmp_path / "a.db", plugins=[TOY])
    status = {t.number: (t.status, t.failure and t.failure.kind) for t in result.trials}
    crashed = {n for n, t in enumerate(result.trials) if t.architecture["d0"] == 1}
    assert len(crashed) == 3
    for number, found in status.items():
        dead = number in crashed
        assert found == (("failed", "crashed") if dead else ("complete", None))


def test_an_evaluation_that_no_node_has_room_for_is_an_error_that_says_what_is_missing(
    tmp_path: Path,
) -> None:
    greedy = config(evaluator={"name": "tally", "resources": {"tpu": 1}})
    with pytest.raises(nas.StudyError, match=r"no node has room.*tpu"):
        nas.search(greedy, tmp_path / "a.db", plugins=[TOY])


def test_an_address_without_a_cluster_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(nas.StudyError, match=r"no Ray at 127.0.0.1:1"):
        nas.search(config(), tmp_path / "a.db", plugins=[TOY], address="127.0.0.1:1")


SEARCH = """
import nas
result = nas.search({values!r}, {path!r}, plugins=[{toy!r}], address={address!r})
print(len(result.trials))
"""


@pytest.fixture
def cluster() -> Iterator[str]:
    """A cluster that somebody else has started, on loopback; gives its address."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    ray = Path(sys.executable).with_name("ray")
    start = [ray, "start", "--head", f"--port={port}", "--num-cpus=2", "--block"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    address = f"127.0.0.1:{port}"
    with subprocess.Popen([*start, "--include-dashboard=false"], env=ENVIRONMENT, **quiet) as head:
        for _ in range(300):
            with closing(socket.socket()) as client:
                if client.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield address
        head.kill()  # its processes follow it; a graceful end takes half a minute


ENVIRONMENT = {
    **os.environ,
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_REPORT_URL": "http://127.0.0.1:1",
}


def test_a_search_joins_a_cluster_that_is_there(cluster: str, tmp_path: Path) -> None:
    path = str(tmp_path / "a.db")
    script = SEARCH.format(values=config(), path=path, toy=str(TOY), address=cluster)
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "30", done.stderr
    inline = trials(config(run={"executor": "inline"}), tmp_path / "inline.db")
    with nas.Archive(path) as archive:
        assert [t.losses for t in archive.trials("toy")] == [
            losses for _, _, _, losses, *_ in inline
        ]
