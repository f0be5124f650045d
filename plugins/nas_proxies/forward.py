"""A forward pass, and what proxies ask of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor  # noqa: TID253  imported by proxies' compute only

from nas import NotApplicableError

_TOO_FEW = ("more than 1 value per channel", "more than 1 spatial element")
"""What torch says if a normalisation has a single value to take statistics of."""


def pass_through(network: Callable[[Tensor], Any], inputs: Tensor) -> Any:
    """Return what the network returns; inputs stay as they are.

    Raises:
        NotApplicableError: batch norm, or another norm, has a single value a channel.
    """
    try:
        return network(inputs.clone())  # which it may change in place: others need them too
    except ValueError as error:
        if not any(said in str(error) for said in _TOO_FEW):
            raise
        raise NotApplicableError(
            f"batch norm (or another norm) meets a single value a channel, with {len(inputs)} "
            f"sample(s) of shape {tuple(inputs.shape[1:])}: more or larger ones would work"
        ) from error


def outputs_of(network: Callable[[Tensor], Any], inputs: Tensor) -> Tensor:
    """Return the network's ``(samples, outputs)``.

    Raises:
        NotApplicableError: it returns something else, or a norm has a single value a channel.
    """
    outputs = pass_through(network, inputs)
    if not isinstance(outputs, Tensor) or outputs.dim() != 2 or len(outputs) != len(inputs):
        raise NotApplicableError("the network does not return (samples, classes) outputs")
    return outputs
