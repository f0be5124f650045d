"""Fewer samples and smaller images than a data set has."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch  # noqa: TID253  # imported inside Train.evaluate only
from numpy.typing import NDArray

from nas import CandidateError, SearchData, Split
from nas.abstract.dataset import stratified
from nas.restore import untouched

_CHUNK = 1024
"""Images that are resized together: it bounds memory."""


def reduced(data: SearchData, *, share: float, resolution: int | float | None) -> SearchData:
    """Return what is left of the data; the whole validation part, at the same resolution.

    Args:
        data: images if there is a ``resolution``.
        share: of the training samples, in (0, 1]; at least one of each class.
        resolution: height in pixels (an int), or as a share of what it is (a float).

    Raises:
        DatasetError: a class with one sample cannot be cut.
    """
    train, validation = data.train, data.validation
    if share < 1:
        # whoever is compared sees the same samples; a permutation's beginning nests the shares
        kept = stratified(train.targets, share, seed=0)
        train = Split(train.inputs[kept], train.targets[kept])
    train, validation = (at_resolution(part, resolution) for part in (train, validation))
    return replace(data, train=train, validation=validation)


def at_resolution(split: Split, resolution: int | float | None) -> Split:
    """Return a split with its images resized as ``reduced`` does; itself without a resolution."""
    if resolution is None:
        return split
    height, width = split.inputs.shape[2:]
    scale = resolution if isinstance(resolution, float) else resolution / height
    size = max(1, round(scale * height)), max(1, round(scale * width))
    if size == (height, width):
        return split
    return Split(resized(split.inputs, size), split.targets)


def resized(images: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Return ``(images, channels, *size)``, bytes if they were.

    Bilinear with antialiasing, as torch's ``interpolate``, whose result is wrong for images of one
    column (torch 2.13 on a CPU).

    Args:
        images: ``(images, channels, height, width)``.
        size: height and width.
    """
    down, across = map(_weights, images.shape[2:], size)
    found = np.empty((*images.shape[:2], *size), images.dtype)
    for start in range(0, len(images), _CHUNK):
        chunk = down @ images[start : start + _CHUNK].astype(np.float64) @ across.T
        whole = images.dtype == np.uint8
        found[start : start + _CHUNK] = chunk.round() if whole else chunk
    return found


def _weights(before: int, after: int) -> NDArray[np.float64]:
    """Return ``(after, before)``: what each old pixel contributes to a new one."""
    scale = before / after
    centres = (np.arange(after) + 0.5) * scale
    away = np.abs(np.arange(before) + 0.5 - centres[:, None]) / max(scale, 1.0)
    weights = np.maximum(0.0, 1.0 - away)
    normalised: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return normalised


def check_size(network: torch.nn.Module, shape: tuple[int, ...]) -> None:
    """Raise ``CandidateError`` if a network cannot take samples of a shape."""
    try:
        with untouched(network), torch.no_grad():
            network.eval()(torch.zeros((1, *shape)))
    except Exception as error:  # a network is a plugin's: its code can raise anything
        size = " x ".join(map(str, shape[1:]))
        raise CandidateError(
            f"this network cannot take images of {size} pixels ({type(error).__name__}: {error}); "
            "networks that end in global pooling take any size"
        ) from error
