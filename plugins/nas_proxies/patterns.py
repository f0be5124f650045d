"""Which units of a network are active for which samples, and how many such patterns there are."""

from __future__ import annotations

import numpy as np
import torch  # noqa: TID253  imported by proxies' compute only
from numpy.typing import NDArray
from torch import Tensor, nn  # noqa: TID253

from nas import NonFiniteError, NotApplicableError
from nas_proxies.forward import outputs_of
from nas_proxies.passes import Recorded

Packed = NDArray[np.uint8]
"""A pattern a row, 8 of its bits a byte."""


def relu_codes(network: nn.Module, inputs: Tensor) -> list[NDArray[np.bool_]]:
    """Return ``(samples, units)`` for each ReLU called in a forward pass: input above 0.

    Raises:
        NotApplicableError: there is no ReLU.
        NonFiniteError: a ReLU's input is not finite.
    """
    recorded = Recorded(len(inputs))
    with torch.no_grad(), recorded:
        outputs_of(network, inputs)
    if not recorded.codes:
        raise NotApplicableError("the network calls no ReLU")
    if not all(recorded.finite):
        raise NonFiniteError("the values at a ReLU are NaN or infinite")
    return [codes.cpu().numpy() for codes in recorded.codes]


def distinct(patterns: Packed) -> Packed:
    """Return each pattern once, in an order of no meaning."""
    width = patterns.shape[1]
    whole = next((size for size in (1, 2, 4, 8) if size >= width), width)
    rows = np.zeros((len(patterns), whole), dtype=np.uint8)
    rows[:, :width] = patterns
    # A row as one number sorts several times faster than a row as a string of bytes.
    dtype = np.dtype(f"u{whole}") if whole <= 8 else np.dtype((np.void, whole))
    once = np.unique(rows.view(dtype))
    return once.view(np.uint8).reshape(-1, whole)[:, :width]
