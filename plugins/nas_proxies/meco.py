"""MeCo (Jiang et al., NeurIPS 2023)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nas import NonFiniteError, NotApplicableError, Proxy

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class MeCo(Proxy):
    """How little the channels of feature maps correlate, for one random sample; higher is better.

    ``sum_modules lambda_min(P)``: ``P`` is the Pearson correlation matrix of the channels of what a
    module returns, over the positions, and ``lambda_min`` its smallest eigenvalue. The sample is
    drawn from N(0, 1). As in the authors' code every module counts at each call, so a container
    counts what its last layer returned again, and the correlations of a constant channel are 0,
    which makes ``lambda_min`` 0. How a network is cut into modules changes the score: compare
    within a space only.

    Unlike the authors' code, the sample has the shape of the network's inputs instead of
    3 x 64 x 64, eigenvalues come from ``eigvalsh`` in float64 instead of ``eig`` in float32, a map
    with no more positions than channels gives exactly 0 (its matrix is singular) instead of
    rounding noise, and only 4-D outputs are maps, their second axis being the channels.

    Source: Jiang, Wang and Bie, "MeCo: Zero-Shot NAS with One Data and Single Forward Pass via
    Minimum Eigenvalue of Correlation", NeurIPS 2023; github.com/HamsterMimi/MeCo.
    """

    needs_data = False
    needs_targets = False
    formula = "sum over modules of the smallest eigenvalue of the channels' correlation matrix"
    applies_to = "networks with feature maps (samples, channels, height, width)"
    cost = 1 / 3
    batch = 1

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; of the inputs only shape, dtype and device are looked at.

        Raises:
            NotApplicableError: inputs are indices, or no module returns a feature map.
            NonFiniteError: a feature map is not finite.
        """
        import torch

        from nas_proxies.forward import outputs_of
        from nas_proxies.fresh import normal_like

        sample = normal_like(inputs[:1])
        smallest: list[float] = []

        def look(module: torch.nn.Module, given: Any, output: Any) -> None:
            if isinstance(output, torch.Tensor) and output.dim() == 4 and output[0, 0].numel() > 1:
                smallest.append(_smallest_eigenvalue(output[0]))

        hooks = [module.register_forward_hook(look) for module in network.modules()]
        with torch.no_grad():
            outputs_of(network, sample)
        for hook in hooks:
            hook.remove()
        if not smallest:
            raise NotApplicableError("no module returns a feature map of more than one position")
        return math.fsum(smallest)


def _smallest_eigenvalue(feature_map: torch.Tensor) -> float:
    channels = feature_map.detach().flatten(1).double().cpu().numpy()
    if not np.isfinite(channels).all():
        raise NonFiniteError("a feature map is NaN or infinite")
    count, positions = channels.shape
    if positions <= count or np.any(channels.max(axis=1) == channels.min(axis=1)):
        return 0.0
    return float(np.linalg.eigvalsh(np.atleast_2d(np.corrcoef(channels)))[0])
