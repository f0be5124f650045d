"""How layers compute with parameters whose per-sample gradients are wanted.

Each function here stands for one of torch's: it returns the same for samples that are passed
together as that one does for every sample alone, or None where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

from nas.networks import torch_functions
from nas_proxies.attention import attention
from nas_proxies.layer_functions import Geometry, Numbers
from nas_proxies.norms import NORMS
from nas_proxies.rules import RULES, is_elementwise
from nas_proxies.samples import SampleMode, tensors_in


def compute(mode: SampleMode, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return what the function returns, or None if nothing here stands for it."""
    if _meets_samples(mode, func, args, kwargs):
        if func in _LAYERS:
            return _LAYERS[func](mode, *args, **kwargs)
        return _elementwise(mode, func, args, kwargs) if is_elementwise(func) else None
    rows = None
    if func in (Tensor.expand, Tensor.repeat):
        rows = _for_each_sample(mode, func, args, kwargs)
    return _derived(mode, func, args, kwargs) if rows is None else rows


def _meets_samples(
    mode: SampleMode, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> bool:
    if (args and mode.are_samples(args[0])) or func is F.multi_head_attention_forward:
        return True  # attention has them in the second dimension
    return any(map(mode.are_samples, tensors_in((*args, *kwargs.values()))))


def _conv(
    mode: SampleMode,
    input: Tensor,  # noqa: A002  torch's name for it, here and below
    weight: Any,
    bias: Tensor | None = None,
    stride: int | Numbers = 1,
    padding: int | Numbers | str = 0,
    dilation: int | Numbers = 1,
    groups: int = 1,
) -> Tensor | None:
    if (
        not mode.are_samples(input)
        or input.dim() != weight.dim()
        or not mode.are_plain(weight, bias)
    ):
        return None
    kernel = weight.shape[2:]
    dilations = _numbers(dilation, len(kernel))
    paddings = _padding(padding, dilations, kernel)
    if paddings is None:
        return None
    geometry = Geometry(_numbers(stride, len(kernel)), paddings, dilations, groups)
    return mode.mark_samples(mode.gradients.conv(input, weight, bias, geometry))


def _linear(
    mode: SampleMode,
    input: Tensor,  # noqa: A002
    weight: Any,
    bias: Tensor | None = None,
) -> Tensor | None:
    if not mode.are_samples(input) or input.dim() < 2 or not mode.are_plain(weight, bias):
        return None
    return mode.mark_samples(mode.gradients.linear(input, weight, bias))


def _product(mode: SampleMode, input: Any, other: Any) -> Tensor | None:  # noqa: A002
    if not mode.are_samples(input) or input.dim() < 2 or other.dim() != 2:
        return None
    matrix = mode.gradients.derive(Tensor.t, other)
    return mode.mark_samples(mode.gradients.linear(input, matrix, None))


def _embedding(
    mode: SampleMode,
    input: Tensor,  # noqa: A002
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor | None:
    indices = mode.are_samples(input) and not input.is_floating_point()
    if not indices or max_norm is not None or scale_grad_by_freq or not mode.are_plain(weight):
        return None
    return mode.mark_samples(mode.gradients.embedding(input, weight, padding_idx))


def _prelu(mode: SampleMode, input: Tensor, weight: Tensor) -> Tensor | None:  # noqa: A002
    if not mode.are_samples(input) or input.dim() < 2 or not mode.are_plain(weight):
        return None
    slopes = mode.copies(weight)
    with mode:
        slopes = slopes.view(len(slopes), -1, *(1,) * (input.dim() - 2))
        return torch.where(input > 0, input, slopes * input)


def _elementwise(mode: SampleMode, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Let samples meet parameters as ``x + self.place`` does."""
    values = (*args, *kwargs.values())
    samples = [value for value in values if mode.are_samples(value)]
    writes = _writes(func, kwargs) and mode.gradients.wants(args[0])
    nested = any(isinstance(value, list | tuple) for value in values)
    if nested or writes or "out" in kwargs or len({tensor.dim() for tensor in samples}) != 1:
        return None
    rank = samples[0].dim()

    def fits(value: Tensor) -> bool:
        lines_up = value.dim() < rank or (value.dim() == rank and len(value) == 1)
        # A tensor without dimensions has less of a say in the result's type than its copies.
        return lines_up and (value.dim() > 0 or all(t.dtype == value.dtype for t in samples))

    def own(value: Any) -> Any:
        if not mode.gradients.wants(value):
            return value
        sizes = value.shape if value.dim() < rank else value.shape[1:]
        copies = mode.copies(value)
        with mode:
            return copies.view(mode.samples, *(1,) * (rank - 1 - len(sizes)), *sizes)

    if not all(map(fits, filter(mode.gradients.wants, values))):
        return None
    own_args = tuple(map(own, args))
    own_kwargs = {key: own(value) for key, value in kwargs.items()}
    with mode:
        return func(*own_args, **own_kwargs)


def _for_each_sample(
    mode: SampleMode, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Tensor | None:
    """Give every sample its row, as ``self.token.expand(len(x), -1, -1)`` does."""
    parameter, *sizes = args
    if len(sizes) == 1 and isinstance(sizes[0], list | tuple):
        sizes = list(sizes[0])
    alike = parameter.dim() == len(sizes) and len(parameter) == 1 and sizes[0] == mode.samples
    if kwargs or not alike:
        return None
    copies = mode.copies(parameter)
    with mode:
        rows = copies.view(mode.samples, *parameter.shape[1:])
        result: Tensor = func(rows, 1 if func is Tensor.repeat else -1, *sizes[1:])
        return result


def _derived(mode: SampleMode, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Compute something from parameters and constants, that samples are to meet later on."""
    nested = [v for v in (*args, *kwargs.values()) if isinstance(v, list | tuple)]
    hidden = any(map(mode.gradients.wants, (*tensors_in(nested), *kwargs.values())))
    known = func in RULES or func in _OF_PARAMETERS
    if hidden or not known or _writes(func, kwargs) or not mode.are_plain(*tensors_in(args)):
        return None
    result = mode.gradients.derive(partial(func, **kwargs), *args)
    # Indices, comparisons and what is detached depend on parameters, but have no gradients.
    mode.constant([t for t in tensors_in((result,)) if not mode.gradients.wants(t)])
    return result


def _writes(func: Any, kwargs: dict[str, Any]) -> bool:
    """Tell whether the function changes its first argument, or another that it is told to."""
    name = getattr(func, "__name__", "")
    return "out" in kwargs or (name.endswith("_") and not name.endswith("__"))


def _numbers(value: int | Numbers, dimensions: int) -> Numbers:
    if isinstance(value, int):
        return (value,) * dimensions
    return tuple(value) if len(value) == dimensions else (value[0],) * dimensions


def _padding(padding: int | Numbers | str, dilation: Numbers, kernel: torch.Size) -> Numbers | None:
    """Return the padding in numbers, or None if it is not the same on both sides."""
    if not isinstance(padding, str):
        return _numbers(padding, len(kernel))
    if padding == "valid":
        return (0,) * len(kernel)
    added = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    return None if any(total % 2 for total in added) else tuple(total // 2 for total in added)


_OF_PARAMETERS = torch_functions("t T mT")

_LAYERS: dict[Any, Callable[..., Any]] = {
    F.conv1d: _conv,
    F.conv2d: _conv,
    F.conv3d: _conv,
    F.linear: _linear,
    F.embedding: _embedding,
    F.prelu: _prelu,
    F.multi_head_attention_forward: attention,
    **dict.fromkeys(torch_functions("matmul __matmul__"), _product),
    **NORMS,
}
