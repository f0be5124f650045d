"""Checkpoints from workers on any node: an actor on the driver's machine writes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray  # noqa: TID253 - only what runs on Ray imports this module
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: TID253 - as above

from nas.executors.checkpoints import CheckpointFolder, Checkpoints


@ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=1)
class _Keeper:
    """Has no state but the folder, so it can be started again."""

    def __init__(self, archive: str, study: int) -> None:
        self._folder = CheckpointFolder(Path(archive), study)

    def get(self, number: int) -> bytes | None:
        return self._folder.get(number)

    def put(self, number: int, content: bytes) -> None:
        self._folder.put(number, content)


@dataclass(frozen=True)
class RemoteShelf:
    """A shelf that workers on other nodes reach."""

    keeper: Any

    def get(self, number: int) -> bytes | None:
        """Return what was put there last, or None."""
        content: bytes | None = ray.get(self.keeper.get.remote(number))
        return content

    def put(self, number: int, content: bytes) -> None:
        """Replace what is there."""
        ray.get(self.keeper.put.remote(number, content))


def reached_from_afar(checkpoints: Checkpoints) -> Checkpoints:
    """Return the same, for workers anywhere: a keeper on this machine has the folder."""
    folder = checkpoints.shelf
    assert isinstance(folder, CheckpointFolder)
    here = ray.get_runtime_context().get_node_id()
    strategy = NodeAffinitySchedulingStrategy(here, soft=False)
    options = {"scheduling_strategy": strategy, "enable_task_events": False}
    keeper = _Keeper.options(**options).remote(  # type: ignore[attr-defined]
        str(folder.archive.absolute()), folder.study
    )
    return Checkpoints(RemoteShelf(keeper), checkpoints.evaluation)
