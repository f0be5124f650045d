"""The network that NAS-Bench-201 trains, in PyTorch (arXiv:2001.00326, figure 1)."""

from __future__ import annotations

from typing import cast

import torch  # noqa: TID253  imported by NAS201.build only
from torch import Tensor, nn  # noqa: TID253

from nas_cells.cell import (
    CONV_1X1,
    CONV_3X3,
    NONE,
    OUTPUT,
    POOL,
    SKIP,
    Operations,
    edge_name,
    live_edges,
)


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution without bias, batch norm: ``(n, cin, h, w)`` to ``(n, cout, h', w')``."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs),
        )


class AveragePool3x3(nn.AvgPool2d):
    """Average over the 3x3 neighbours inside the image; keeps ``(n, c, h, w)``."""

    def __init__(self) -> None:
        super().__init__(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        """Return the averages."""
        # PyTorch's own kernel is not vectorised on CPU: sums by a depthwise convolution take a
        # fifth of its time. Autocast would round them; a compiler or exporter knows better.
        exact = input.is_cpu and not torch.is_autocast_enabled("cpu")
        if not exact or torch.compiler.is_compiling():
            return super().forward(input)
        channels, *size = input.shape[-3:]
        ones = input.new_ones(channels, 1, 3, 3)
        sums = nn.functional.conv2d(input, ones, padding=1, groups=channels)
        return sums / nn.functional.conv2d(input.new_ones(1, 1, *size), ones[:1], padding=1)


class Cell(nn.Module):
    """One cell: ``(n, channels, h, w)`` to the same shape."""

    def __init__(self, operations: Operations, channels: int) -> None:
        super().__init__()
        self.edges = nn.ModuleDict(
            {
                edge_name(edge): _operation(operation, channels)
                for edge, operation in operations.items()
                if operation != NONE
            }
        )
        self._live = [
            (source, target, edge_name((source, target)))
            for source, target in live_edges(operations)
        ]

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the sum at the output node; zeros if nothing reaches it."""
        nodes: list[Tensor | None] = [inputs, *[None] * OUTPUT]
        for source, target, name in self._live:
            value, so_far = nodes[source], nodes[target]
            term = self.edges[name](torch.zeros_like(inputs) if value is None else value)
            nodes[target] = term if so_far is None else so_far + term
        output = nodes[OUTPUT]
        return torch.zeros_like(inputs) if output is None else output


def _operation(name: str, channels: int) -> nn.Module:
    if name == SKIP:
        return nn.Identity()
    if name == POOL:
        return AveragePool3x3()
    return ReLUConvBN(channels, channels, {CONV_1X1: 1, CONV_3X3: 3}[name])


class Reduction(nn.Module):
    """The residual block between stages: halves height and width, rounding up."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(inputs, outputs, 3, stride=2)
        self.conv_b = ReLUConvBN(outputs, outputs, 3)
        # Rounding up makes odd sizes meet conv_a's; on even ones it changes nothing.
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2, stride=2, ceil_mode=True), nn.Conv2d(inputs, outputs, 1, bias=False)
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return ``(n, outputs, ceil(h/2), ceil(w/2))``."""
        return cast(Tensor, self.shortcut(inputs) + self.conv_b(self.conv_a(inputs)))


class Network(nn.Sequential):
    """Stem, 3 stages of cells with reductions between them, classifier."""

    def __init__(
        self,
        operations: Operations,
        *,
        cells: int,
        channels: int,
        classes: int,
        image_channels: int,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(image_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        width = channels
        for stage in range(1, 4):
            if stage > 1:
                self.add_module(f"reduction_{stage}", Reduction(width, 2 * width))
                width *= 2
            stack = (Cell(operations, width) for _ in range(cells))
            self.add_module(f"stage_{stage}", nn.Sequential(*stack))
        self.last = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.classifier = nn.Linear(width, classes)
