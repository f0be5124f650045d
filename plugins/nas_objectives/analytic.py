"""Objectives that follow from the architecture: nothing is trained, nothing is executed."""

from __future__ import annotations

from dataclasses import dataclass

from nas import AnalyticObjective, Architecture, Space


@dataclass(frozen=True)
class Params(AnalyticObjective):
    """Number of parameters, trainable or not; one that layers share counts once."""

    metric = "params"
    unit = "parameters"

    def estimate(self, space: Space, architecture: Architecture) -> float:
        """Count on the meta device. Raises ``CandidateError`` if it cannot be built there."""
        from nas.networks import build_on_meta, parameter_count

        return float(parameter_count(build_on_meta(space, architecture)))


@dataclass(frozen=True)
class Flops(AnalyticObjective):
    """Floating-point operations of one sample's forward pass, by torch's own counter.

    A multiply-add is 2 operations, so figures are twice those of papers that count multiply-adds.
    See ``nas.networks.flop_count`` for what counts.
    """

    metric = "flops"
    unit = "operations"

    def estimate(self, space: Space, architecture: Architecture) -> float:
        """Count on the meta device. Raises ``CandidateError`` if it cannot be run there."""
        from nas.networks import build_on_meta, flop_count

        return float(flop_count(build_on_meta(space, architecture), space.input_shape))
