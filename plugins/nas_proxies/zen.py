"""Zen-score (Lin et al., ICCV 2021, arXiv:2102.01063)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nas import NonFiniteError, NotApplicableError, Proxy, checks

if TYPE_CHECKING:
    import torch

_STEP = 0.01
_MOMENTUM = 0.1


@dataclass(frozen=True)
class Zen(Proxy):
    """How much the last feature map changes with the input; higher is better.

    ``log(mean_samples ||f(x) - f(x + 0.01 x')||_1) + sum_norms log(sqrt(mean_channels v))`` with
    ``x`` and ``x'`` from N(0, 1), all convolution and linear weights from N(0, 1), biases 0. ``v``
    is a batch norm's running variance after these two passes, from 1 at momentum 0.1, as in the
    authors' code; a batch norm that keeps none is made to. The sum puts back the scale that batch
    norm takes away; no other norm's is put back.

    ``f`` is the last feature map before global pooling. Networks do not say which one that is: it
    is the last tensor ``(samples, channels, height, width)`` of more than one position that a 2-D
    convolution returns, or that is computed from such a tensor and still has 4 axes. The authors
    remove residual links before; here networks are taken as they are. They average over 32 draws in
    their tables; this is one.

    Args:
        batch: random samples.

    Source: Lin et al., "Zen-NAS: A Zero-Shot NAS for High-Performance Deep Image Recognition",
    ICCV 2021, arXiv:2102.01063; github.com/idstcv/ZenNAS.
    """

    needs_data = False
    needs_targets = False
    formula = "log of mean |f(x) - f(x + 0.01 x')| + sum over batch norms of log of sqrt(mean var)"
    applies_to = "networks with nn.BatchNorm2d and a convolution's feature map"
    cost = 2 / 3

    batch: int = 16

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; of the inputs only shape, dtype and device are looked at.

        Raises:
            NotApplicableError: there is no batch norm or no feature map, or inputs are indices.
            NonFiniteError: the feature map does not change at all, or is not finite.
        """
        import torch

        from nas_proxies.feature_map import last_feature_map
        from nas_proxies.fresh import draw_normal, normal_like, require_numbers

        require_numbers(inputs)
        norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
        if not norms:
            raise NotApplicableError(
                "there is no nn.BatchNorm2d, whose scale the score is made of; synflow would work"
            )
        draw_normal(network)
        for norm in norms:
            _start_statistics(norm, inputs)
        samples, change = (normal_like(inputs) for _ in range(2))
        with torch.no_grad():
            before = last_feature_map(network, samples)
            after = last_feature_map(network, samples + _STEP * change)
        changed = (before - after).double().abs().flatten(1).sum(1).mean().item()
        if changed == 0:
            raise NonFiniteError("the last feature map does not depend on the input: log 0")
        if not math.isfinite(changed):
            raise NonFiniteError("the last feature map is NaN or infinite")
        scales = [_running_variance(norm).double().mean().sqrt().item() for norm in norms]
        return math.log(changed) + math.fsum(math.log(scale) for scale in scales)


def _start_statistics(norm: torch.nn.BatchNorm2d, like: torch.Tensor) -> None:
    norm.track_running_stats, norm.momentum = True, _MOMENTUM
    norm.register_buffer("running_mean", like.new_zeros(norm.num_features))
    norm.register_buffer("running_var", like.new_ones(norm.num_features))


def _running_variance(norm: Any) -> torch.Tensor:
    variance: torch.Tensor = norm.running_var
    return variance
