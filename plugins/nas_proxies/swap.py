"""SWAP (Peng et al., ICLR 2024, arXiv:2403.04161)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import Proxy, checks

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class SWAP(Proxy):
    """How many different patterns of samples activate the units; higher is better.

    The number of distinct columns of the ``(samples, units)`` matrix that is 1 where a ReLU's
    input is above 0: at most ``2**samples``, so scores of different batches do not compare. Batch
    norm takes the batch's statistics; all convolution and linear weights are drawn from N(0, 1)
    before, biases are 0. Unlike the authors' code, which looks at ``nn.ReLU`` modules on 4-D inputs
    only, a ReLU counts however it is called and whatever its shape; ``leaky_relu`` and ``prelu``
    count too. As there, a ReLU that leads nowhere counts.

    With ``mu`` and ``sigma`` it is the regularised score, ``SWAP * exp(-(P - mu)**2 / sigma)``,
    ``P`` being the number of parameters in thousands, which steers a search to networks of that
    size. Far from ``mu`` it is 0.

    The authors average over 32 draws of the weights; this is one.

    Args:
        batch: samples that a search gives it.
        mu: parameters that a network should have, in thousands; None: not regularised.
        sigma: how far from that it may be, in squared thousands; None: not regularised.

    Source: Peng et al., "SWAP-NAS: Sample-Wise Activation Patterns for Ultra-Fast NAS", ICLR 2024,
    arXiv:2403.04161; github.com/pym1024/SWAP.
    """

    needs_targets = False
    formula = "number of distinct columns of [ReLU input > 0], samples x units"
    applies_to = "networks that call a ReLU"
    cost = 1 / 3

    batch: int = 16
    mu: float | None = None
    sigma: float | None = None

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)
        if (self.mu is None) != (self.sigma is None):
            raise ValueError("mu and sigma belong together: give both, or neither")
        if self.mu is not None:
            checks.number("mu", self.mu)
            checks.number("sigma", self.sigma, positive=True)

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; targets are not looked at.

        Raises:
            NotApplicableError: there is no ReLU.
            NonFiniteError: the values at a ReLU are not finite.
        """
        import numpy as np

        from nas_proxies.fresh import draw_normal
        from nas_proxies.patterns import distinct, relu_codes

        draw_normal(network)
        codes = relu_codes(network, inputs)
        each = [distinct(np.packbits(code, axis=0).T) for code in codes]
        return len(distinct(np.concatenate(each))) * self._factor(network)

    def _factor(self, network: torch.nn.Module) -> float:
        if self.mu is None or self.sigma is None:
            return 1.0
        from nas.networks import parameter_count

        return math.exp(-((parameter_count(network) / 1e3 - self.mu) ** 2) / self.sigma)
