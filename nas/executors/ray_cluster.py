"""Ray itself: starting or joining it, its nodes, and how many evaluations each has room for."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.exceptions import RayError  # noqa: TID253 - as above

from nas.abstract.evaluator import Evaluator
from nas.errors import StudyError
from nas.executors.orphans import same_handlers, same_parent

PATIENCE = 5.0
"""Seconds to wait for somebody to answer at an address."""


@dataclass(frozen=True)
class Node:
    """One machine of the cluster.

    Args:
        id: Ray's.
        host: its name and address.
        slots: how many evaluations fit.
    """

    id: str
    host: str
    slots: int


@dataclass(frozen=True)
class Needs:
    """What one evaluation occupies."""

    cpus: float
    gpus: float
    resources: dict[str, float]

    @classmethod
    def of(cls, evaluator: Evaluator) -> Needs:
        """Return what an evaluator declares; by default a GPU if it can use one that is there."""
        gpus = evaluator.gpus
        if gpus is None:
            gpus = 1 if evaluator.uses_gpu and _has_gpu() else 0
        return cls(evaluator.cpus, gpus, dict(evaluator.resources))

    @property
    def amounts(self) -> dict[str, float]:
        """Resources by Ray's names, without zeros."""
        wanted = {"CPU": self.cpus, "GPU": self.gpus, **self.resources}
        return {name: amount for name, amount in wanted.items() if amount > 0}

    def options(self) -> dict[str, Any]:
        """Return them as an actor's options."""
        return {"num_cpus": self.cpus, "num_gpus": self.gpus, "resources": self.resources}


def connect(address: str | None, evaluator: Evaluator, workers: int | None) -> bool:
    """Start or join Ray unless this process has joined one already; returns whether it did.

    Raises:
        StudyError: there is no Ray at the address, or one of another version.
    """
    if ray.is_initialized():
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        # a plain init() may attach to, or hang on, what an earlier `ray start` left behind
        options |= {"address": "local", "include_dashboard": False}
        if workers is not None:
            cores = os.cpu_count() or 1
            options["num_cpus"] = max(cores, -int(-workers * evaluator.cpus // 1))
    else:
        options["address"] = address
    try:
        if address is not None:
            knock(address)
        near = _on_loopback() if address is None else nullcontext()
        with same_parent(), same_handlers(), near:
            ray.init(**options)
    except (RayError, RuntimeError, ConnectionError, ValueError, OSError) as error:
        ray.shutdown()
        raise StudyError(f"no Ray at {address or 'local'}: {error}") from error
    return True


@contextmanager
def _on_loopback() -> Iterator[None]:
    """Let a Ray that starts here listen on 127.0.0.1 alone.

    Ray listens where it believes the node to be, which by default is an address that others can
    reach; where clusters are not supported (macOS, Windows) it takes the loopback address. This is
    the switch between the two, ``RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER``, which is read on import.
    """
    from ray._private import ray_constants

    reachable = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = reachable


def knock(address: str) -> None:
    """Raise ``OSError`` if nobody listens at ``host:port``: Ray itself would try for a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


def head() -> str:
    """Return the address of the cluster's head, which all depends on."""
    address: str = ray.get_runtime_context().gcs_address
    return address


def nodes(needs: Needs) -> list[Node]:
    """Return the nodes that live now."""
    return [
        Node(
            node["NodeID"],
            f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})",
            _slots(node["Resources"], needs),
        )
        for node in _nodes()
        if node["Alive"]
    ]


def shortage(needs: Needs, living: list[Node]) -> str:
    """Return what no node has enough of, in words."""
    have = {k: v for k, v in _cluster_resources().items() if ":" not in k and "_" not in k}
    return (
        f"no node has room for one evaluation: it needs {needs.amounts}, "
        f"all {len(living)} have {have}"
    )


def _slots(resources: dict[str, float], needs: Needs) -> int:
    fits = (int(resources.get(name, 0) / amount) for name, amount in needs.amounts.items())
    return min(fits, default=1)


def _has_gpu() -> bool:
    return _cluster_resources().get("GPU", 0) >= 1


def _cluster_resources() -> dict[str, float]:
    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return resources


def _nodes() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return found
