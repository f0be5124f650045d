"""Normalisation layers that scale and shift each sample by its own copy of their parameters."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Any

import torch  # noqa: TID253  imported by proxies' compute only
from torch import Tensor  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

from nas_proxies.samples import SampleMode

Norm = Callable[..., Tensor | None]


def batch_norm(
    input: Tensor,  # noqa: A002
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise every sample as ``F.batch_norm`` normalises it in a batch of its own."""
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    return F.group_norm(input, input.shape[1], weight, bias, eps)


def _scaled(function: Callable[..., Tensor], *, of_channels: bool) -> Norm:
    """Return a norm that normalises like a function of torch.

    Args:
        function: has a ``weight``, and perhaps a ``bias``.
        of_channels: these are along the second dimension, not along the last ones.
    """
    names = signature(function)

    def norm(mode: SampleMode, *args: Any, **kwargs: Any) -> Tensor | None:
        given = dict(names.bind(*args, **kwargs).arguments)
        affine = (given.pop("weight", None), given.pop("bias", None))
        if not mode.are_plain(*affine) or any(map(mode.gradients.wants, given.values())):
            return None
        scale, shift = (None if p is None else mode.copies(p) for p in affine)
        with mode:  # which looks at each step as if the network did it
            values = function(**given)
            for copies, use in ((scale, torch.mul), (shift, torch.add)):
                if copies is not None:
                    values = use(values, _lined_up(copies, values.dim(), of_channels))
        return values

    return norm


def _lined_up(copies: Tensor, rank: int, of_channels: bool) -> Tensor:
    inner = (1,) * (rank - copies.dim())
    sizes = (*copies.shape[1:], *inner) if of_channels else (*inner, *copies.shape[1:])
    return copies.view(len(copies), *sizes)


NORMS = {
    F.batch_norm: _scaled(batch_norm, of_channels=True),
    F.instance_norm: _scaled(F.instance_norm, of_channels=True),
    F.group_norm: _scaled(F.group_norm, of_channels=True),
    F.layer_norm: _scaled(F.layer_norm, of_channels=False),
    F.rms_norm: _scaled(F.rms_norm, of_channels=False),
}
"""By torch's function."""
