"""Exporters: write a found network in a form that runs without nas."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture

if TYPE_CHECKING:
    import torch

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""From raw inputs ``(batch, *input_shape)`` to logits ``(batch, classes)``, for any batch."""


@dataclass(frozen=True)
class FoundNetwork:
    """What an exporter is given.

    Args:
        space: of the study.
        architecture: a member of it.
        network: of that architecture, in evaluation mode, on the CPU, in float32. It takes raw
            inputs: if it was trained on normalised ones it normalises them itself
            (``nas.normalise``). Not to be changed.
        provenance: where it comes from, plain JSON values: ``archive``, ``study``, ``trial``,
            ``metrics``, ``space``, ``decisions``, ``trained``, the version of ``nas`` and so on.
    """

    space: Space
    architecture: Architecture
    network: torch.nn.Module
    provenance: Mapping[str, Any]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One sample without the batch."""
        return tuple(self.space.input_shape)

    def example(self, batch: int = 2) -> torch.Tensor:
        """Return inputs to trace the network with: ``(batch, *input_shape)`` float32 zeros."""
        import torch

        return torch.zeros(batch, *self.input_shape)


class Exporter(ABC):
    """Writes a network, and reads it again so that it can be compared with what was written.

    Whoever exports calls ``write`` and ``load`` with a path in an empty folder, compares outputs,
    and moves the files to where the user wants them only if they agree.

    Attributes:
        suffix: of the file's name, such as ``.onnx``.
        needs_weights: False if what it writes has no weights in it.
    """

    suffix: ClassVar[str]
    needs_weights: ClassVar[bool] = True

    @abstractmethod
    def write(self, found: FoundNetwork, path: Path) -> None:
        """Write the network to ``path``; further files in the same folder if it needs them.

        Any batch size must work afterwards. A file refers to others by their names alone: all are
        moved together.

        Raises:
            ExportError: this network cannot be written so; the message says what would work.
        """

    @abstractmethod
    def load(self, path: Path, found: FoundNetwork) -> Run:
        """Return what computes logits from nothing but the files that were written.

        Args:
            path: as ``write`` had it.
            found: for formats that hold weights or decisions alone; ``found.space`` builds them.
        """
