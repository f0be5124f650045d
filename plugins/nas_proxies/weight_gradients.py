"""Per-sample weight gradients of convolutions and linear layers, at the price of a batch's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, cast

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253
from torch.nn.grad import conv2d_input, conv2d_weight  # noqa: TID253

Visit = Callable[[nn.Parameter, Tensor], None]
"""Takes a weight and ``(samples, *weight.shape)``, which it may overwrite."""

Pair = tuple[int, int]


class WeightGradients:
    """Computes with given weights, and hands their per-sample gradients over in the backward pass.

    A weight that is used several times is handed over once, with the sum over its uses.
    """

    def __init__(self, weights: Iterable[nn.Parameter], visit: Visit) -> None:
        self._wanted = {id(weight) for weight in weights}
        self._visit = visit
        self._missing: dict[nn.Parameter, int] = {}
        self._sums: dict[nn.Parameter, Tensor] = {}
        # Makes outputs part of the graph even where no input and no weight is.
        self._anchor = torch.zeros((), requires_grad=True)

    def wants(self, value: object) -> bool:
        """Tell whether this is one of the weights."""
        return id(value) in self._wanted

    def conv2d(
        self,
        inputs: Tensor,
        weight: nn.Parameter,
        bias: Tensor | None,
        geometry: tuple[Pair, Pair, Pair, int],
    ) -> Tensor:
        """Return the convolution of ``(samples, channels, height, width)``.

        Args:
            geometry: stride, padding, dilation and groups.
        """
        self._missing[weight] = self._missing.get(weight, 0) + 1
        outputs = _Conv2d.apply(self._anchor, inputs, weight, bias, geometry, self)  # type: ignore[no-untyped-call]
        return cast(Tensor, outputs)

    def linear(self, inputs: Tensor, weight: nn.Parameter, bias: Tensor | None) -> Tensor:
        """Return the linear map of ``(samples, ..., features)``."""
        self._missing[weight] = self._missing.get(weight, 0) + 1
        outputs = _Linear.apply(self._anchor, inputs, weight, bias, self)  # type: ignore[no-untyped-call]
        return cast(Tensor, outputs)

    def add(self, weight: nn.Parameter, gradients: Tensor) -> None:
        """Take the per-sample gradients of one use of the weight."""
        self._missing[weight] -= 1
        if weight in self._sums:
            gradients = self._sums.pop(weight).add_(gradients)
        if self._missing[weight]:
            self._sums[weight] = gradients
        else:
            self._visit(weight, gradients)

    def finish(self) -> None:
        """Hand over what still waits for uses that the loss turned out not to depend on."""
        for weight, gradients in self._sums.items():
            self._visit(weight, gradients)
        self._sums.clear()


class _Conv2d(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        inputs: Tensor,
        weight: nn.Parameter,
        bias: Tensor | None,
        geometry: tuple[Pair, Pair, Pair, int],
        gradients: WeightGradients,
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.weight, ctx.geometry, ctx.gradients = weight, geometry, gradients
        return F.conv2d(inputs, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        ctx.gradients.add(ctx.weight, conv2d_gradients(inputs, grad, weight.shape, *ctx.geometry))
        upstream = None
        if ctx.needs_input_grad[1]:
            upstream = conv2d_input(inputs.shape, weight, grad, *ctx.geometry)  # type: ignore[no-untyped-call]
        return None, upstream, None, None, None, None


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        inputs: Tensor,
        weight: nn.Parameter,
        bias: Tensor | None,
        gradients: WeightGradients,
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.weight, ctx.gradients = weight, gradients
        return F.linear(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        ctx.gradients.add(ctx.weight, linear_gradients(inputs, grad))
        upstream = grad @ weight if ctx.needs_input_grad[1] else None
        return None, upstream, None, None, None


def conv2d_gradients(
    inputs: Tensor,
    grad: Tensor,
    shape: torch.Size,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
) -> Tensor:
    """Return ``(samples, *shape)``: the gradient of each sample's weight of its own.

    All samples are one sample of ``samples * channels`` channels in ``samples * groups`` groups.

    Args:
        inputs: ``(samples, channels, height, width)``.
        grad: of the outputs, ``(samples, filters, height', width')``.
        shape: of the weight, ``(filters, channels / groups, kernel height, kernel width)``.
    """
    n, channels, *size = inputs.shape
    if tuple(shape[2:]) == (1, 1) and groups == 1 and tuple(padding) == (0, 0):
        seen = inputs[:, :, :: stride[0], :: stride[1]].flatten(2)
        return torch.bmm(grad.flatten(2), seen.transpose(1, 2)).view(n, *shape)
    gradients: Tensor = conv2d_weight(  # type: ignore[no-untyped-call]
        inputs.reshape(1, n * channels, *size),
        (n * shape[0], *shape[1:]),
        grad.reshape(1, n * shape[0], *grad.shape[2:]),
        stride,
        padding,
        dilation,
        n * groups,
    )
    return gradients.view(n, *shape)


def linear_gradients(inputs: Tensor, grad: Tensor) -> Tensor:
    """Return ``(samples, outputs, features)``, summed over whatever lies within a sample.

    Args:
        inputs: ``(samples, ..., features)``.
        grad: of the outputs, ``(samples, ..., outputs)``.
    """
    if inputs.dim() == 2:
        return grad.unsqueeze(2) * inputs.unsqueeze(1)
    return torch.bmm(grad.flatten(1, -2).transpose(1, 2), inputs.flatten(1, -2))
