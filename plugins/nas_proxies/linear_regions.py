"""Number of linear regions (the other half of TE-NAS, Chen et al., ICLR 2021, arXiv:2102.11535)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nas import NotApplicableError, Proxy, checks

if TYPE_CHECKING:
    import torch

_TIMES, _CROPS, _SIZE = 3, 1000, 3


@dataclass(frozen=True)
class LinearRegions(Proxy):
    """How many linear regions 3000 tiny inputs fall into; higher is better.

    The number of distinct activation patterns (whether each ReLU's input is above 0, over all units
    of the network) among 3000 inputs, at most 3000. They pass in 3 batches, in which batch norm
    takes the batch's statistics. As in the authors' code, an input is a random 3 x 3 crop of one
    channel of a sample, and the network is thin: a channel for each convolution, drawn from
    N(0, 2 / fan-in) (Kaiming normal). At full width practically every input would have a pattern of
    its own.

    The authors build the thin network with one cell and no stem; here it is the given network, at
    its full depth, of which each convolution keeps its first output channel and as many input
    channels as arrive (a depthwise one keeps what arrives). They take 3000 images; here crops come
    from the samples given, with repetition. Unlike there, a ReLU counts however it is called and
    whatever its shape. Few draws vary a lot: average over several seeds.

    Args:
        batch: samples that a search gives it.

    Source: Chen et al., "Neural Architecture Search on ImageNet in Four GPU Hours: A Theoretically
    Inspired Perspective" (TE-NAS), ICLR 2021, arXiv:2102.11535; github.com/VITA-Group/TENAS.
    """

    needs_targets = False
    formula = "distinct activation patterns of 3000 crops of 3 x 3 on a one-channel network"
    applies_to = "convolutional networks with ReLUs for images of any size and 3 x 3 or more"
    cost = 0.1

    batch: int = 64

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 1)

    def compute(
        self, network: torch.nn.Module, inputs: torch.Tensor, targets: torch.Tensor
    ) -> float:
        """Return the score; targets are not looked at.

        Raises:
            NotApplicableError: inputs are no images, there is no convolution or no ReLU, or the
                network does not run with one channel on 3 x 3 inputs.
        """
        from nas_proxies.fresh import draw_normal
        from nas_proxies.patterns import distinct
        from nas_proxies.thin import Thin, thin_codes

        if inputs.dim() != 4 or not inputs.is_floating_point() or min(inputs.shape[2:]) < _SIZE:
            raise NotApplicableError("inputs are no images of at least 3 x 3")
        draw_normal(network)
        thin = Thin(network)
        batches = [thin_codes(network, thin, _crops(inputs)) for _ in range(_TIMES)]
        return float(len(distinct(np.packbits(np.concatenate(batches), axis=1))))


def _crops(images: torch.Tensor) -> torch.Tensor:
    """Return ``(1000, 1, 3, 3)``: random places of random channels of random images."""
    import torch

    windows = images.unfold(2, _SIZE, 1).unfold(3, _SIZE, 1)
    at = [torch.randint(size, (_CROPS,)).to(images.device) for size in windows.shape[:4]]
    return windows[tuple(at)].unsqueeze(1)
