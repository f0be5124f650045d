"""Normalisation as part of a network, so that its weights never part from the data's statistics.

Needs torch at module level: import it inside functions only.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import torch  # noqa: TID253  # a torch module; imported inside functions only
from numpy.typing import NDArray
from torch import nn  # noqa: TID253

_CHUNK = 1024
"""Samples counted at a time: numpy.bincount widens what it counts to 8 bytes."""


_PARTS = ["normalise", "network"]


class Normalise(nn.Module):
    """Shift and scale raw inputs to mean 0 and standard deviation 1 per channel or feature.

    Takes ``(batch, channels, height, width)`` uint8 images (or floats from 0 to 255), or
    ``(batch, features)`` tables, and returns floats of the same shape.

    Args:
        mean: ``(channels, 1, 1)`` or ``(features,)``, in raw units.
        std: of the same shape, positive.
    """

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, mean: torch.Tensor, std: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    @classmethod
    def of(cls, inputs: NDArray[Any]) -> Normalise:
        """Return the normalisation by the mean and standard deviation of these samples.

        A channel or feature that is constant, to the precision of float32, is only shifted.

        Args:
            inputs: ``(samples, channels, height, width)`` uint8 or ``(samples, features)`` floats.
        """
        mean, std = _image_moments(inputs) if inputs.ndim == 4 else _table_moments(inputs)
        single = np.finfo(np.float32)
        constant = std <= np.maximum(single.eps * np.abs(mean), single.tiny)
        shape = (-1, 1, 1) if inputs.ndim == 4 else (-1,)
        return cls(
            torch.tensor(mean, dtype=torch.float32).reshape(shape),
            torch.tensor(np.where(constant, 1.0, std), dtype=torch.float32).reshape(shape),
        )

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Normalise a batch."""
        return (inputs.to(self.mean.dtype) - self.mean) / self.std


def with_normalisation(network: nn.Module, input_shape: tuple[int, ...]) -> nn.Sequential:
    """Return ``normalise`` and ``network`` in one, ready for the state dict of a trained one.

    Args:
        network: takes normalised inputs.
        input_shape: one sample, ``(channels, height, width)`` or ``(features,)``.
    """
    shape = (input_shape[0], 1, 1) if len(input_shape) == 3 else input_shape
    return joined(Normalise(torch.zeros(shape), torch.ones(shape)), network)


def joined(normalise: Normalise, network: nn.Module) -> nn.Sequential:
    """Return both in one; its state dict has ``normalise.mean``, ``.std`` and ``network.*``."""
    return nn.Sequential(OrderedDict(normalise=normalise, network=network))


def parted(network: nn.Module) -> tuple[Normalise | None, nn.Module]:
    """Return the two that ``joined`` has joined; None and the network if it did not."""
    if isinstance(network, nn.Sequential) and [*dict(network.named_children())] == _PARTS:
        normalise, inner = network
        if isinstance(normalise, Normalise):
            return normalise, inner
    return None, network


def _image_moments(images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation per channel, from exact counts of the 256 levels."""
    channels = images.shape[1]
    counts = np.zeros((channels, 256), dtype=np.int64)
    for start in range(0, len(images), _CHUNK):
        for channel in range(channels):
            levels = images[start : start + _CHUNK, channel].ravel()
            counts[channel] += np.bincount(levels, minlength=256)
    share = counts / counts.sum(axis=1, keepdims=True)
    mean = share @ np.arange(256.0)
    variance = (share * (np.arange(256.0) - mean[:, None]) ** 2).sum(axis=1)
    return mean, np.sqrt(variance)


def _table_moments(table: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return table.mean(axis=0, dtype=np.float64), table.std(axis=0, dtype=np.float64)
