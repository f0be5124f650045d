"""Networks that components are tried on."""

from __future__ import annotations

import torch  # noqa: TID253 - nothing light imports this module
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional as F  # noqa: N812, TID253

CLASSES = 4


class Block(nn.Module):
    """A residual block with one of everything that a component may be tempted to change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.drop = nn.Dropout(0.1)
        self.register_buffer("hidden", torch.ones(3), persistent=False)
        self.seen: list[int] = [1]

    def forward(self, x: Tensor) -> Tensor:
        """Convolve, normalise, rectify, drop."""
        out: Tensor = self.drop(F.relu(self.norm(self.conv(x))))
        return out


def convolutional(last: nn.Module | None = None) -> nn.Sequential:
    """Return a network for ``(batch, 3, 8, 8)``, in a mixed state, always with the same weights."""
    torch.manual_seed(0)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), last or nn.Linear(5, CLASSES))
    blocks = Block(3, 6, 1), Block(6, 5, 2), Block(5, 5, 1)
    net = nn.Sequential(*blocks, *head)
    first, second, third = blocks
    second.norm.eval()
    for block, gradient in ((first, None), (third, torch.rand(5))):
        assert block.conv.bias is not None
        block.conv.bias.grad = gradient
        block.conv.bias.requires_grad_(block is third)
    second.register_forward_hook(lambda *_: None)
    first.conv.weight.register_hook(lambda grad: grad)  # type: ignore[no-untyped-call]
    return net


def plain() -> nn.Sequential:
    """Return a network for ``(batch, 8)`` without convolutions and normalisation."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, CLASSES)
    )


def batch(samples: int = 12, shape: tuple[int, ...] = (3, 8, 8)) -> tuple[Tensor, Tensor]:
    """Return normal inputs and classes in turn."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(samples, *shape, generator=generator)
    return inputs, torch.arange(samples) % CLASSES


class Fails(nn.Linear):
    """On the way there or back."""

    def __init__(self, back: bool) -> None:
        super().__init__(5, CLASSES)
        self.back = back

    def forward(self, x: Tensor) -> Tensor:
        """Raise, or make the gradient raise; draw from all generators before."""
        import random

        import numpy as np

        if not self.back:
            raise KeyError("on purpose")
        output = super().forward(x) + random.random() + np.random.rand()
        if output.requires_grad:
            output.register_hook(self._fail)  # type: ignore[no-untyped-call]
        return output

    def _fail(self, gradient: Tensor) -> Tensor:
        raise KeyError("on purpose")
