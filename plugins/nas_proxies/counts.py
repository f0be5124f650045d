"""Size and cost as scores: a proxy that does not beat them is not worth its time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import Proxy

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Params(Proxy):
    """Number of parameters, trainable or not; one that layers share counts once."""

    needs_data = False
    needs_targets = False
    formula = "number of parameters"
    cost = 0.0
    batch = 1

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the count; inputs and targets are not looked at."""
        from nas.networks import parameter_count

        return float(parameter_count(network))


@dataclass(frozen=True)
class Flops(Proxy):
    """Floating-point operations of one sample's forward pass, a multiply-add being 2.

    See ``nas.networks.flop_count`` for what counts.
    """

    needs_data = False
    needs_targets = False
    formula = "multiplications and additions of one sample's forward pass"
    cost = 0.0
    batch = 1

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the count; of the inputs only shape and dtype are looked at."""
        from nas.networks import flop_count

        return float(flop_count(network, tuple(inputs.shape[1:]), inputs.dtype))
