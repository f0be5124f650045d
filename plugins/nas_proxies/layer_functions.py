"""Functions whose backward pass finds per-sample gradients of layers' parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253
from torch.nn import grad as by  # noqa: TID253

Numbers = tuple[int, ...]


class Geometry(NamedTuple):
    """What a convolution does, a number for each of its dimensions."""

    stride: Numbers
    padding: Numbers
    dilation: Numbers
    groups: int


class Conv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        geometry: Geometry,
        gradients: Any,
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.weight, ctx.bias, ctx.geometry, ctx.gradients = weight, bias, geometry, gradients
        return _CONVOLUTIONS[inputs.dim() - 2](inputs, weight, bias, *geometry)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        if ctx.gradients.wants(ctx.weight):
            found = conv_gradients(inputs, grad, weight.shape, ctx.geometry)
            ctx.gradients.add(ctx.weight, found)
        if ctx.gradients.wants(ctx.bias):
            ctx.gradients.add(ctx.bias, grad.flatten(2).sum(2))
        upstream = None
        if ctx.needs_input_grad[1]:
            by_input = _BY_INPUT[inputs.dim() - 2]
            upstream = by_input(inputs.shape, weight, grad, *ctx.geometry)
        return None, upstream, None, None, None, None


class Linear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        inputs: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        gradients: Any,
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.weight, ctx.bias, ctx.gradients = weight, bias, gradients
        return F.linear(inputs, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        if ctx.gradients.wants(ctx.weight):
            ctx.gradients.add(ctx.weight, linear_gradients(inputs, grad))
        if ctx.gradients.wants(ctx.bias):
            # A copy: the visitor may overwrite it, and the gradient goes on to other functions.
            ctx.gradients.add(
                ctx.bias, grad.flatten(1, -2).sum(1) if grad.dim() > 2 else grad.clone()
            )
        upstream = grad @ weight if ctx.needs_input_grad[1] else None
        return None, upstream, None, None, None


class Embedding(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        anchor: Tensor,
        indices: Tensor,
        weight: nn.Parameter,
        padding: int | None,
        gradients: Any,
    ) -> Tensor:
        ctx.save_for_backward(indices)
        ctx.weight, ctx.padding, ctx.gradients = weight, padding, gradients
        return F.embedding(indices, weight)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, ...]:
        (indices,) = ctx.saved_tensors
        rows, features = ctx.weight.shape
        samples = len(indices)
        first_rows = torch.arange(samples, device=indices.device).unsqueeze(1) * rows
        places = (indices.reshape(samples, -1) + first_rows).flatten()
        found = grad.new_zeros(samples * rows, features)
        found.index_add_(0, places, grad.reshape(-1, features))
        found = found.view(samples, rows, features)
        if ctx.padding is not None:
            found[:, ctx.padding] = 0
        ctx.gradients.add(ctx.weight, found)
        return (None,) * 5


class Copies(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, anchor: Tensor, parameter: nn.Parameter, samples: int, gradients: Any
    ) -> Tensor:
        ctx.parameter, ctx.gradients = parameter, gradients
        return parameter.detach().expand(samples, *parameter.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[None, ...]:
        # A copy: the visitor may overwrite it, and the gradient goes on to other functions.
        ctx.gradients.add(ctx.parameter, grad.clone(memory_format=torch.contiguous_format))
        return (None,) * 4


_CONVOLUTIONS: dict[int, Callable[..., Tensor]] = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
_BY_INPUT: dict[int, Any] = {1: by.conv1d_input, 2: by.conv2d_input, 3: by.conv3d_input}
_BY_WEIGHT: dict[int, Any] = {1: by.conv1d_weight, 2: by.conv2d_weight, 3: by.conv3d_weight}


def conv_gradients(inputs: Tensor, grad: Tensor, shape: torch.Size, geometry: Geometry) -> Tensor:
    """Return ``(samples, *shape)``: the gradient of each sample's weight of its own.

    All samples are one sample of ``samples * channels`` channels in ``samples * groups`` groups.

    Args:
        inputs: ``(samples, channels, ...)``.
        grad: of the outputs, ``(samples, filters, ...)``.
        shape: of the weight, ``(filters, channels / groups, ...)``.
        geometry: of the convolution.
    """
    n, channels, *size = inputs.shape
    groups = geometry.groups
    if set(shape[2:]) == {1} and groups == 1 and not any(geometry.padding):
        strided = [slice(None, None, step) for step in geometry.stride]
        seen = inputs[:, :, *strided].flatten(2)
        return torch.bmm(grad.flatten(2), seen.transpose(1, 2)).view(n, *shape)
    gradients: Tensor = _BY_WEIGHT[len(size)](
        inputs.reshape(1, n * channels, *size),
        (n * shape[0], *shape[1:]),
        grad.reshape(1, n * shape[0], *grad.shape[2:]),
        *geometry._replace(groups=n * groups),
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
