"""Checkpoints: what an evaluation needs to go on after its process has died."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Snapshot:
    """The state of an evaluation between two steps. The learning curve so far is kept with it.

    Args:
        tensors: by name, on any device; they come back on the CPU.
        values: everything else, as plain JSON values.
    """

    tensors: Mapping[str, torch.Tensor]
    values: Mapping[str, Any]


class Checkpoint(ABC):
    """Where one evaluation keeps its latest snapshot.

    Going on from it must give what an evaluation without interruption gives, bit for bit: it holds
    the states of the random generators too. Saving is best effort: one that fails is logged, and
    the evaluation goes on.
    """

    @abstractmethod
    def load(self) -> Snapshot | None:
        """Return what an interrupted run of the same evaluation has saved; None if there is none.

        What it had reported is then part of the curve again, and is not reported a second time.

        Raises:
            CandidateError: the trial was to begin with the state of another one, and it is lost.
        """

    @abstractmethod
    def save(self, snapshot: Snapshot) -> None:
        """Replace the snapshot; the call returns when it is on disk, or has failed to get there."""
