"""Objectives: a metric with direction and unit, reported, estimated or measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, final

from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.goals import Direction
from nas.trial import Measurement

if TYPE_CHECKING:
    import torch


class Objective(ABC):
    """What a study minimizes or maximizes. Derive from one of the three classes below.

    Attributes:
        metric: its column in the archive.
        direction: which way is better.
        unit: of its values; empty for a plain number.
    """

    metric: str
    direction: Direction = "minimize"
    unit: str = ""


class ReportedObjective(Objective):
    """A metric that the evaluator reports. Nothing to write beyond the attributes."""


class AnalyticObjective(Objective):
    """A metric that follows from the architecture alone, known before anything is trained."""

    @abstractmethod
    def estimate(self, space: Space, architecture: Architecture) -> float:
        """Return the value. Executes no network; the same architecture gives the same value."""

    @final
    def of_network(self, space: Space, architecture: Architecture) -> float:
        """Estimate for the network alone, whatever else a space decides (``Space.networks``)."""
        return float(self.estimate(space.networks, space.network_of(architecture)))


class MeasuredObjective(Objective):
    """A metric measured on a worker, on the built network."""

    @abstractmethod
    def measure(
        self, network: torch.nn.Module, input_shape: tuple[int, ...], threads: int
    ) -> Measurement:
        """Return value, spread and the whole protocol. Leaves the network as it was."""
