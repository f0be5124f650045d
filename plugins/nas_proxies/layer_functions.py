"""Functions whose backward pass finds per-sample gradients of layers' parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

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
        if bias is None and _is_product(weight.shape, geometry):
            return _times(weight.flatten(1), inputs)
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
            upstream = _by_input(inputs, weight, grad, ctx.geometry)
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


def _is_product(shape: torch.Size, geometry: Geometry) -> bool:
    """Tell whether a convolution with such a weight is a matrix product at each position.

    Computed as one, it takes a third of the time on CPUs.
    """
    plain = geometry.groups == 1 and not any(geometry.padding)
    return plain and {*shape[2:], *geometry.stride} == {1}


def _times(matrix: Tensor, values: Tensor) -> Tensor:
    """Return the product of a matrix and each position's channels, ``(samples, channels, ...)``."""
    n, _, *size = values.shape
    product = torch.bmm(matrix.expand(n, *matrix.shape), values.flatten(2))
    return product.view(n, len(matrix), *size)


def _by_input(inputs: Tensor, weight: Tensor, grad: Tensor, geometry: Geometry) -> Tensor:
    if _is_product(weight.shape, geometry):
        return _times(weight.flatten(1).t(), grad)
    return _conv_backward(inputs, weight, grad, geometry, (True, False, False))


def _conv_backward(
    inputs: Tensor, weight: Tensor, grad: Tensor, geometry: Geometry, wanted: tuple[bool, ...]
) -> Tensor:
    """Return the gradient by the inputs or the weight; its own values do not matter.

    ``torch.nn.grad`` returns the same, but fills what it does not need with copies of one number.
    """
    stride, padding, dilation, groups = geometry
    nothing = [0] * len(stride)  # padding of the output, which only transposed convolutions have
    found = torch.ops.aten.convolution_backward(
        grad, inputs, weight, None, stride, padding, dilation, False, nothing, groups, wanted
    )
    return cast(Tensor, found[wanted.index(True)])


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
    gradients = _conv_backward(
        inputs.reshape(1, n * channels, *size),
        inputs.new_empty(n * shape[0], *shape[1:]),
        grad.reshape(1, n * shape[0], *grad.shape[2:]),
        geometry._replace(groups=n * groups),
        (False, True, False),
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
