"""Clusters that misbehave: real nodes on this machine that come, go and are not what they seem."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from drivers import check_whole, count, descendants, drive, ended, session, wait_for
from toys import TOY, config, rows, run, told

from nas.executors import ray_settings

ray_settings.apply()

HEAVY = Path(__file__).parent / "files" / "heavy.py"


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head that runs nothing; the tests add nodes."""
    from ray.cluster_utils import Cluster

    quick = {"health_check_period_ms": 500, "health_check_timeout_ms": 500}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "_system_config": {**quick, "health_check_failure_threshold": 3},
        },
    )
    yield cluster
    cluster.shutdown()


def on_cluster(seconds: float = 0.25) -> dict[str, Any]:
    return config(
        strategy="climb",
        evaluator={"name": "tally", "seconds": seconds},
        stop={"trials": 30},
        run={"executor": "ray"},
    )


@pytest.fixture
def expected(tmp_path: Path) -> Callable[[Path], None]:
    """Check that an archive has what a search without any accident would have."""
    undisturbed = run({**on_cluster(0), "run": {"executor": "inline"}}, tmp_path / "inline.db")

    def check(archive: Path) -> None:
        import nas

        check_whole(archive)
        with nas.Archive(archive) as opened:
            assert told(opened.trials()) == told(undisturbed.trials)

    return check


def incidents(archive: Path) -> list[str]:
    return [kind for (kind,) in rows(archive, "SELECT kind FROM incidents")]


def workers(archive: Path) -> set[str]:
    return {worker for (worker,) in rows(archive, "SELECT DISTINCT worker FROM trials")}


def test_a_node_joins_and_another_is_lost_in_mid_search(
    cluster: Any, tmp_path: Path, expected: Callable[[Path], None]
) -> None:
    archive = tmp_path / "a.db"
    first = cluster.add_node(num_cpus=1)
    search = drive(on_cluster(), archive, TOY, address=cluster.address)
    wait_for(lambda: count(archive) >= 3, search)
    cluster.add_node(num_cpus=1)
    wait_for(lambda: len(workers(archive)) == 2, search)
    cluster.remove_node(first, allow_graceful=False)
    assert ended(search) == "30 trials are done"
    expected(archive)
    assert "node" in incidents(archive)


def test_without_any_node_a_search_says_what_it_waits_for_and_goes_on_when_one_comes(
    cluster: Any, tmp_path: Path, expected: Callable[[Path], None]
) -> None:
    archive = tmp_path / "a.db"
    only = cluster.add_node(num_cpus=1)
    search = drive(on_cluster(), archive, TOY, address=cluster.address)
    wait_for(lambda: count(archive) >= 3, search)
    cluster.remove_node(only, allow_graceful=False)
    stuck = wait_for(lambda: session(archive).state.get("stuck"), search)
    assert "no node has room" in stuck
    assert "'CPU': 1" in stuck
    cluster.add_node(num_cpus=1)
    assert ended(search) == "30 trials are done"
    expected(archive)


def test_a_killed_worker_is_no_fault_of_its_candidate(
    tmp_path: Path, expected: Callable[[Path], None]
) -> None:
    archive = tmp_path / "a.db"
    search = drive({**on_cluster(), "run": {"executor": "ray", "workers": 2}}, archive, TOY)
    for wanted in (3, 12, 20):
        wait_for(lambda wanted=wanted: count(archive) >= wanted, search)
        running = wait_for(lambda: session(archive).state.get("running"), search)
        pid = int(running[0]["worker"].split()[-1])
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert ended(search) == "30 trials are done"
    expected(archive)
    assert "worker" in incidents(archive)


@pytest.mark.slow_fault
def test_when_the_head_is_gone_the_session_ends_and_another_cluster_goes_on(
    cluster: Any, tmp_path: Path, expected: Callable[[Path], None]
) -> None:
    from ray.cluster_utils import Cluster

    archive = tmp_path / "a.db"
    cluster.add_node(num_cpus=1)
    search = drive(on_cluster(0.7), archive, TOY, address=cluster.address)
    wait_for(lambda: count(archive) >= 3, search)
    cluster.head_node.kill_gcs_server()
    _, err = search.communicate(timeout=60)
    assert search.returncode == 1
    assert "cannot be reached any more" in err
    before = count(archive)
    assert before >= 3
    other = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        assert ended(drive(on_cluster(0.7), archive, TOY, address=other.address)) == (
            "30 trials are done"
        )
    finally:
        other.shutdown()
    expected(archive)


@pytest.mark.slow_fault
def test_a_node_of_another_version_is_refused_and_both_versions_are_named(
    cluster: Any,
    tmp_path: Path,
    expected: Callable[[Path], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = tmp_path / "a.db"
    (tmp_path / "sitecustomize.py").write_text(OTHER_VERSION)
    with monkeypatch.context() as environment:
        environment.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        cluster.add_node(num_cpus=1)
    search = drive(on_cluster(), archive, TOY, address=cluster.address)
    _, err = search.communicate(timeout=60)
    assert search.returncode == 1
    assert "plugnas 0.0.1 there, 0.1.0 here" in err
    cluster.add_node(num_cpus=1)
    assert ended(drive(on_cluster(), archive, TOY, address=cluster.address)) == (
        "30 trials are done"
    )
    expected(archive)
    assert incidents(archive) == ["version"] * 2
    assert len(workers(archive)) == 1


@pytest.mark.slow_fault
def test_a_node_that_stands_still_makes_no_candidate_slow(
    cluster: Any, tmp_path: Path, expected: Callable[[Path], None]
) -> None:
    archive = tmp_path / "a.db"
    frozen = cluster.add_node(num_cpus=1)
    values = {**on_cluster(), "limits": {"timeout": 0.8}}
    search = drive(values, archive, TOY, address=cluster.address)
    wait_for(lambda: count(archive) >= 3, search)
    cluster.add_node(num_cpus=1)
    wait_for(lambda: len(workers(archive)) == 2, search)
    raylet = next(p.process.pid for p in frozen.all_processes["raylet"])
    family = [raylet, *descendants(raylet)]
    for pid in family:
        os.kill(pid, signal.SIGSTOP)
    assert ended(search) == "30 trials are done"
    for pid in family:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    expected(archive)
    assert "node" in incidents(archive)


@pytest.mark.slow_fault
def test_a_data_set_may_be_larger_than_the_object_store_of_a_node(tmp_path: Path) -> None:
    from ray.cluster_utils import Cluster

    archive = tmp_path / "a.db"
    small = {"object_store_memory": 80 * 1024**2}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **small})
    try:
        for _ in range(2):
            cluster.add_node(num_cpus=1, **small)
        values = {**on_cluster(), "data": "heavy", "evaluator": "reads", "strategy": "listed"}
        assert ended(drive(values, archive, TOY, HEAVY, address=cluster.address)) == (
            "30 trials are done"
        )
    finally:
        cluster.shutdown()
    assert rows(archive, "SELECT DISTINCT status FROM trials") == [("complete",)]
    assert len(workers(archive)) == 2
    assert incidents(archive) == []


OTHER_VERSION = """
import importlib.metadata as metadata
installed = metadata.version
metadata.version = lambda name: "0.0.1" if name == "plugnas" else installed(name)
"""
