"""Proxies from the gradient of one batch's mean loss, at initialisation, in train mode.

As in the code of Abdelfattah et al. (ICLR 2021, arXiv:2101.08134), sums run over the weights of all
``nn.Conv2d`` and ``nn.Linear`` layers, without biases. The loss is cross-entropy; of floating-point
targets it is the squared error (``nas_proxies.losses``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nas import checks
from nas_proxies.sharing import SharingProxy

if TYPE_CHECKING:
    from torch import Tensor

    from nas_proxies.passes import Passes


@dataclass(frozen=True)
class GradientProxy(SharingProxy):
    """Base of these.

    The loss ``L`` is the mean cross-entropy of class indices; of floating-point targets
    ``(samples, outputs)`` the mean squared error.

    Args:
        batch: samples that a search gives it; the authors use 64.
    """

    applies_to = "networks with nn.Conv2d or nn.Linear"

    batch: int = 64

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)


@dataclass(frozen=True)
class GradNorm(GradientProxy):
    """Sum over layers of the Euclidean norm of the loss's gradient (arXiv:2101.08134).

    ``sum_layers ||dL/dW||_2``: of each layer, not of all together.
    """

    formula = "sum over layers of the norm of the loss's gradient g by the layer's weights"

    def compute_from(self, passes: Passes) -> float:
        """Return the score."""
        return math.fsum(_double(g).norm().item() for g in passes.gradients)


@dataclass(frozen=True)
class Snip(GradientProxy):
    """Connection sensitivity, summed (Lee et al., ICLR 2019, arXiv:1810.02340).

    ``sum |dL/dw * w|``.
    """

    formula = "sum over weights w of |g * w|, g being the loss's gradient"

    def compute_from(self, passes: Passes) -> float:
        """Return the score."""
        return math.fsum(product.abs().sum().item() for product in _products(passes))


@dataclass(frozen=True)
class Plain(GradientProxy):
    """Like ``snip`` with signs: ``sum dL/dw * w`` (arXiv:2101.08134)."""

    formula = "sum over weights w of g * w, g being the loss's gradient"

    def compute_from(self, passes: Passes) -> float:
        """Return the score."""
        return math.fsum(product.sum().item() for product in _products(passes))


@dataclass(frozen=True)
class Grasp(GradientProxy):
    """Gradient flow that pruning would keep (Wang et al., ICLR 2020, arXiv:2002.07376), summed.

    ``sum -w * (H g)`` with ``g`` the loss's gradient and ``H`` its Hessian by the weights; the sign
    is that of arXiv:2101.08134. The network must have second derivatives.
    """

    formula = "sum over weights w of -w * (H g), H being the loss's Hessian and g its gradient"
    applies_to = "networks with nn.Conv2d or nn.Linear that have second derivatives"
    cost = 4.0

    def compute_from(self, passes: Passes) -> float:
        """Return the score."""
        pairs = zip(passes.weights, passes.hessian_gradient, strict=True)
        return -math.fsum((_double(w) * _double(h)).sum().item() for w, h in pairs)


@dataclass(frozen=True)
class Fisher(GradientProxy):
    """Fisher information of channels, summed (Turner et al., ICLR 2020, arXiv:1906.04113).

    Of an output channel of a layer, with activation ``a`` at sample ``n`` and position ``p``:
    ``1/2 mean_n (sum_p a * dL/da)^2``; each counts as often as the channel has weights. A layer
    that is called several times counts each call.
    """

    formula = "sum over channels of weights * 1/2 mean over samples of (sum of a * dloss/da)^2"

    def compute_from(self, passes: Passes) -> float:
        """Return the score."""
        total = []
        for layer, output, gradient in passes.layer_outputs:
            product = _double(output) * _double(gradient)
            by_channel = product if product.dim() == 2 else _per_channel(product, layer)
            weights = layer.weight[0].numel()  # type: ignore[index]
            total.append(0.5 * by_channel.pow(2).mean(0).sum().item() * weights)
        return math.fsum(total)


def _per_channel(product: Tensor, layer: object) -> Tensor:
    """Sum over positions: a convolution's are behind its channels, a linear layer's before them."""
    from torch import nn

    if isinstance(layer, nn.Linear):
        return product.flatten(1, -2).sum(1)
    return product.flatten(2).sum(2)


def _products(passes: Passes) -> list[Tensor]:
    pairs = zip(passes.weights, passes.gradients, strict=True)
    return [_double(weight) * _double(gradient) for weight, gradient in pairs]


def _double(values: Tensor) -> Tensor:
    return values.detach().double()
