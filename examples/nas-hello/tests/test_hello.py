"""The plugin's own tests; the package must be installed."""

from __future__ import annotations

from collections.abc import Sequence

import nas_hello
import pytest
import torch
from torch import nn

import nas


class Images(nas.Space):
    """One convolution of a chosen width, and a dense head."""

    input_shape = (1, 6, 6)
    classes = 3

    @property
    def decisions(self) -> Sequence[nas.Integer]:
        return [nas.Integer("width", 1, 5)]

    def build(self, architecture: nas.Architecture) -> nn.Module:
        width = int(architecture["width"])
        return nn.Sequential(
            nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.Flatten(), nn.Linear(16 * width, 3)
        )


@pytest.mark.parametrize("width", [1, 2, 5])
def test_activations(width: int) -> None:
    architecture = nas.Architecture({"width": width})
    assert nas_hello.Activations().estimate(Images(), architecture) == 4 * 4 * width + 3


def test_spread() -> None:
    inputs, targets = torch.randn(16, 8), torch.zeros(16, dtype=torch.long)
    network = nn.Linear(8, 3)
    spread = nas_hello.OutputSpread()
    assert 0 < spread.score(network, inputs, targets) < 1
    nn.init.zeros_(network.weight)
    assert spread.score(network, inputs, targets) == pytest.approx(0, abs=1e-6)
    nn.init.zeros_(network.bias)
    with pytest.raises(nas.NonFiniteError):
        spread.score(network, inputs, targets)


def test_installed() -> None:
    assert isinstance(nas.proxy("hello:output_spread", batch=8), nas_hello.OutputSpread)
    assert isinstance(nas.objective("hello:activations"), nas_hello.Activations)
