"""ZiCo (Li et al., ICLR 2023, arXiv:2301.11300)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import NonFiniteError, NotApplicableError, Proxy, checks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class ZiCo(Proxy):
    """How large gradients are, against how much they differ between two batches.

    ``sum_layers log(sum_k mean|g_k| / std(g_k))`` over the weights ``k`` of a layer whose gradient
    of the mean loss differs between the two halves of the batch; mean and population standard
    deviation are over the halves. The loss is cross-entropy; of floating-point targets the mean
    squared error. Layers without such a weight do not count.

    Args:
        batch: samples that a search gives it: two batches of half as many.
    """

    formula = "sum over layers of log of the sum over weights of mean|g| / std(g) over two batches"
    applies_to = "networks with nn.Conv2d or nn.Linear, and two or more samples"
    splits_batch = True

    batch: int = 128

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score.

        Raises:
            NotApplicableError: there is one sample only, no gradient differs, or outputs do not
                fit the targets.
            NonFiniteError: a loss or gradient is not finite.
        """
        from nas_proxies.passes import Passes

        half = len(inputs) // 2
        if not half:
            raise NotApplicableError("two batches are needed, and there is one sample")
        halves = [
            Passes(network, inputs[some], targets[some]).gradients
            for some in (slice(0, half), slice(half, 2 * half))
        ]
        layers = []
        for first, second in zip(*halves, strict=True):
            a, b = first.double(), second.double()
            if not (a.isfinite().all() and b.isfinite().all()):
                raise NonFiniteError("a gradient is NaN or infinite")
            spread = (a - b).abs() / 2  # of two numbers
            ratios = ((a.abs() + b.abs()) / 2 / spread)[spread > 0]
            if ratios.numel():
                layers.append(math.log(ratios.sum().item()))
        if not layers:
            raise NotApplicableError("no gradient differs between the two batches")
        return math.fsum(layers)
