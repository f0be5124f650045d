"""A convolutional network run with one channel for each convolution, without building it anew."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch  # noqa: TID253  imported by proxies' compute only
from numpy.typing import NDArray
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253
from torch.overrides import TorchFunctionMode  # noqa: TID253

from nas import NotApplicableError
from nas_proxies.patterns import relu_codes


def thin_codes(network: nn.Module, thin: Thin, inputs: Tensor) -> NDArray[np.bool_]:
    """Return ``(samples, units)`` of all ReLUs of the thin network: input above 0.

    Raises:
        NotApplicableError: it does not run, or calls no ReLU.
    """
    try:
        with thin:
            codes = relu_codes(network, inputs)
    except torch.cuda.OutOfMemoryError:
        raise
    except (RuntimeError, ValueError, AssertionError) as error:
        raise NotApplicableError(
            "the network does not run with one channel on inputs of "
            f"{tuple(inputs.shape[1:])}: {error}"
        ) from error
    return np.concatenate(codes, axis=1)


class Thin(TorchFunctionMode):
    """Inside, layers take what arrives, and convolutions return one channel.

    Weights are expected from N(0, 1) and scaled to N(0, 2 / fan-in), with the thin layer's fan-in.
    Biases are left out, and batch norm is without scale and shift. Convolutions with weights that
    are no layer's (fixed filters) stay as they are.

    Args:
        network: its ``nn.Conv2d`` and ``nn.Linear`` layers become thin.

    Raises:
        NotApplicableError: it has no convolution.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        if not any(isinstance(layer, nn.Conv2d) for layer in layers):
            raise NotApplicableError("there is no nn.Conv2d to make thin")
        self._weights = {id(layer.weight) for layer in layers}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.batch_norm:
            return _batch_norm(*args, **kwargs)
        weight = args[1] if len(args) > 1 else kwargs.get("weight")
        if func is F.conv2d and id(weight) in self._weights:
            return _conv2d(*args, **kwargs)
        if func is F.linear and id(weight) in self._weights:
            return _linear(*args, **kwargs)
        return func(*args, **kwargs)


def _batch_norm(
    input: Tensor,  # noqa: A002  torch's name for it
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    return F.batch_norm(input, None, None, training=True, eps=eps)


def _conv2d(
    input: Tensor,  # noqa: A002  torch's name for it
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    arriving = input.shape[1]
    if groups > 1 and weight.shape[1] == 1:
        thin, groups = weight[:arriving], arriving
    else:
        thin, groups = weight[:1, :arriving], 1
    return F.conv2d(input, _scaled(thin), None, stride, padding, dilation, groups)


def _linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: A002
    return F.linear(input, _scaled(weight[:, : input.shape[-1]]))


def _scaled(weight: Tensor) -> Tensor:
    return weight * math.sqrt(2 / weight[0].numel())
