"""Random crops and flips of whole batches of images."""

from __future__ import annotations

import torch  # noqa: TID253  # imported inside Train.evaluate only
from torch.nn import functional  # noqa: TID253


def augmented(
    images: torch.Tensor, *, padding: int, flip: bool, generator: torch.Generator
) -> torch.Tensor:
    """Crop and mirror each image at random.

    Args:
        images: ``(batch, channels, height, width)``.
        padding: zeros on each side, before a window of the original size is cut out; 0 for none.
        flip: mirror half of the images left to right.
        generator: on the CPU, so that every device gets the same draws.

    Returns:
        A tensor like ``images``.
    """
    if padding:
        corners = torch.randint(
            2 * padding + 1, (2, len(images)), generator=generator, device=generator.device
        )
        images = cropped(images, padding, corners.to(images.device))
    if flip:
        draws = torch.rand(len(images), generator=generator, device=generator.device)
        images = mirrored(images, (draws < 0.5).to(images.device))
    return images


def cropped(images: torch.Tensor, padding: int, corners: torch.Tensor) -> torch.Tensor:
    """Cut one window out of each padded image.

    Args:
        images: ``(batch, channels, height, width)``.
        padding: zeros on each side.
        corners: ``(2, batch)`` top and left of the windows, 0 to ``2 * padding``.
    """
    height, width = images.shape[2:]
    padded = functional.pad(images, (padding,) * 4)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    batch = torch.arange(len(images), device=images.device)
    return windows[batch, :, corners[0], corners[1]]


def mirrored(images: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Flip the images that ``chosen``, ``(batch,)`` bool, marks left to right."""
    return torch.where(chosen[:, None, None, None], images.flip(3), images)
