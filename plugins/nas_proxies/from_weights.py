"""A proxy from the weights alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import NotApplicableError, Proxy

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class L2Norm(Proxy):
    """Sum over layers of the Euclidean norm of the weights (arXiv:2101.08134).

    ``sum_layers ||W||_2`` over all ``nn.Conv2d`` and ``nn.Linear`` layers, without biases.
    """

    needs_data = False
    needs_targets = False
    formula = "sum over layers of the norm of the layer's weights"
    applies_to = "networks with nn.Conv2d or nn.Linear"
    cost = 0.0
    batch = 1

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; inputs and targets are not looked at."""
        from nas_proxies.per_sample import layer_weights

        weights = layer_weights(network)
        if not weights:
            raise NotApplicableError("there is no nn.Conv2d or nn.Linear weight")
        return math.fsum(weight.detach().double().norm().item() for weight in weights)
