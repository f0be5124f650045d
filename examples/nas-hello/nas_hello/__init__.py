"""A plugin for nas, in one module: a proxy and an objective of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import nas

if TYPE_CHECKING:
    import torch

nas_hooks = ">=1.0,<2"  # the versions of the hooks that this was written for


@dataclass(frozen=True)
class OutputSpread(nas.Proxy):
    """How differently an untrained network answers different samples, from 0 to 1.

    The share of its outputs' norm that is left when their mean over the batch is taken away. A
    network that answers every sample alike has nothing to learn from. Only an example: nothing is
    claimed for how well it ranks; compare it with ``params`` before you trust it.

    Args:
        batch: samples that it is given.
    """

    needs_targets: ClassVar[bool] = False

    batch: int = 32

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the share; NaN, which is no score, for a network that answers 0 throughout."""
        import torch

        with torch.no_grad():
            outputs = network(inputs)
        return float((outputs - outputs.mean(dim=0)).norm() / outputs.norm())


class Activations(nas.AnalyticObjective):
    """Values that the convolutions and dense layers put out for one sample.

    On accelerators that wait for memory it tells more of the running time than FLOPs do
    (Radosavovic et al. 2020, arXiv:2003.13678, section 4). The network runs on torch's meta
    device: shapes only, nothing is computed.
    """

    metric = "activations"
    unit = "values"

    def estimate(self, space: nas.Space, architecture: nas.Architecture) -> float:
        """Count them, in evaluation mode."""
        import torch
        from torch import nn

        sizes: list[int] = []
        with torch.device("meta"), torch.no_grad():
            network = space.build(architecture).eval()
            for layer in network.modules():
                if isinstance(layer, nn.Conv1d | nn.Conv2d | nn.Conv3d | nn.Linear):
                    layer.register_forward_hook(lambda _, __, out: sizes.append(out.numel()))
            network(torch.empty(1, *space.input_shape))
        return float(sum(sizes))


@nas.hookimpl
def nas_proxies() -> list[nas.Component]:
    """One proxy."""
    return [nas.Component("output_spread", OutputSpread, "how differently samples are answered")]


@nas.hookimpl
def nas_objectives() -> list[nas.Component]:
    """One objective."""
    return [
        nas.Component(
            "activations",
            Activations,
            "values that convolutions and dense layers put out for one sample",
            "Radosavovic et al., CVPR 2020, arXiv:2003.13678",
        )
    ]
