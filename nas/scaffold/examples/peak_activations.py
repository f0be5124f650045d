"""An objective: how many values a network holds at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nas

if TYPE_CHECKING:
    import torch


class PeakActivations(nas.AnalyticObjective):
    """Most values that one layer with weights takes and gives for one sample.

    What a layer takes and what it gives are in memory at the same time, so a forward pass layer
    by layer needs room for as many at least. What is kept beside them, for a skip connection, say,
    is not counted. The network runs on torch's meta device: shapes only, nothing is computed.
    """

    metric = "peak_activations"
    unit = "values"

    def estimate(self, space: nas.Space, architecture: nas.Architecture) -> float:
        """Return the largest sum over layers, in evaluation mode."""
        import torch
        from nas.networks import build_on_meta

        sums = [0]

        def add(layer: torch.nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            tensors = [t for t in (*inputs, output) if isinstance(t, torch.Tensor)]
            sums.append(sum(tensor.numel() for tensor in tensors))

        network = build_on_meta(space, architecture).eval()
        for module in network.modules():
            if any(True for _ in module.parameters(recurse=False)):
                module.register_forward_hook(add)
        with torch.no_grad():
            network(torch.empty(1, *space.input_shape, device="meta"))
        return float(max(sums))
