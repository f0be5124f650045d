"""Studies side by side: Ray tasks on the machine that has the archive."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ray  # noqa: TID253 - nothing imports this module before it is needed
from ray.exceptions import RayError  # noqa: TID253 - as above
from ray.util.scheduling_strategies import (  # noqa: TID253 - as above
    NodeAffinitySchedulingStrategy,
)

from nas.abstract.evaluator import Evaluator
from nas.benchmark.plan import Entry
from nas.benchmark.running import Ended, run_study
from nas.engine.interrupts import Interrupts
from nas.errors import StudyError
from nas.executors import ray_cluster

WAIT = 0.5
"""Seconds after which a watcher hears of the benchmark even if nothing has ended."""
GRACE = 5.0
"""Seconds for interrupted studies to end as they should."""
RETRIES = 2
"""Times that a study whose process was lost goes on before it counts as failed."""


class Tasks:
    """Runs studies on this machine's part of a Ray cluster.

    Args:
        evaluators: what the studies evaluate with; one study occupies as much as the largest.
        workers: at most so many studies at once; None is as many as fit.
        address: of a cluster that this machine is part of; None starts a local Ray.

    Raises:
        StudyError: no cluster at the address, or no room for a single study on this machine.
    """

    def __init__(
        self, evaluators: Sequence[Evaluator], workers: int | None, address: str | None
    ) -> None:
        self._running: dict[Any, Entry] = {}
        largest = max(evaluators, key=lambda evaluator: evaluator.cpus)
        self._started_ray = ray_cluster.connect(address, largest, workers)
        try:
            needs = [ray_cluster.Needs.of(evaluator) for evaluator in evaluators]
            self._needs = max(needs, key=lambda one: (one.gpus, one.cpus))
            node = ray.get_runtime_context().get_node_id()
            living = ray_cluster.nodes(self._needs)
            slots = next((one.slots for one in living if one.id == node), 0)
            if not slots:
                raise StudyError(ray_cluster.shortage(self._needs, living))
        except BaseException:
            self.stop()
            raise
        self._slots = min(slots, workers or slots)
        self._task = ray.remote(_run).options(
            **self._needs.options(),
            max_retries=RETRIES,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node, soft=False),
        )
        self.where = f"ray ({address or 'local'}): {self._slots} at once"

    def run(
        self, todo: Sequence[Entry], archive: str, plugins: Sequence[str], interrupts: Interrupts
    ) -> Iterator[tuple[Ended | None, str]]:
        """Run studies; yield each as it ends, and now and then nothing."""
        waiting = list(reversed(todo))
        while waiting or self._running:
            while waiting and len(self._running) < self._slots:
                entry = waiting.pop()
                values = entry.config.to_dict()
                ref = self._task.remote(values, archive, plugins, os.getcwd())
                self._running[ref] = entry
            with interrupts.allowed():
                ready, _ = ray.wait(list(self._running), timeout=WAIT)
            for ref in ready:
                yield self._ended(ref), self.where
            if not ready:
                yield None, self.where

    def stop(self) -> None:
        """Interrupt what runs, and end a Ray that was started for it."""
        for ref in self._running:
            ray.cancel(ref)
        if self._running:
            ray.wait(list(self._running), num_returns=len(self._running), timeout=GRACE)
        if self._started_ray:
            ray.shutdown()
            self._started_ray = False

    def _ended(self, ref: Any) -> Ended:
        entry = self._running.pop(ref)
        try:
            return Ended(entry, ray.get(ref))
        except RayError as error:
            return Ended(entry, f"its process was lost: {type(error).__name__}")


def _run(values: Mapping[str, Any], archive: str, plugins: Sequence[str], folder: str) -> str:
    """Run one study on a worker, from the folder that the paths of its config are relative to."""
    os.chdir(folder)
    return run_study(values, archive, plugins)
