"""Proxies of a loss: classes, numbers, and what is neither."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import nas
from nas_proxies.losses import mean_loss, sample_losses

OF_A_LOSS = ("gradsign", "grad_norm", "snip", "plain", "grasp", "fisher", "zico")
OF_NUMBERS: dict[str, tuple[Tensor, str]] = {
    "two of three": (torch.zeros(6, 2), r"\(\d, 3\).*\(\d, 2\)"),
    "one of three": (torch.zeros(6), r"\(\d, 3\).*\(\d,\)"),
    "an axis too many": (torch.zeros(6, 3, 1), r"\(\d, 3, 1\)"),
}
OF_CLASSES: dict[str, tuple[Tensor, str]] = {
    "a class too many": (torch.tensor([0, 1, 2, 3, 0, 1]), "from 0 to 3 are no indices of .* 3"),
    "below 0": (torch.tensor([0, 1, 2, -1, 0, 1]), "from -1 to"),
    "rows": (torch.zeros(6, 3, dtype=torch.long), r"\(\d, 3\) are no class indices"),
}


def network(outputs: int = 3, *extra: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), *extra, nn.Linear(7, outputs)).double()


def inputs() -> Tensor:
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Centred(nn.Module):
    """Lets samples meet, so that they are passed one by one."""

    def forward(self, x: Tensor) -> Tensor:
        return x - 0.5 * x.mean(0, keepdim=True)


def test_losses() -> None:
    outputs = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    numbers = torch.tensor([[1.0, 0.0], [3.0, -1.0]])
    assert sample_losses(outputs, numbers).tolist() == [4.0, 10.0]
    assert mean_loss(outputs, numbers).item() == 14 / 4
    classes = torch.tensor([1, 0])
    expected = [math.log(1 + math.exp(-1)), math.log(2)]
    assert sample_losses(outputs, classes).tolist() == pytest.approx(expected)
    assert mean_loss(outputs, classes).item() == pytest.approx(sum(expected) / 2)


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("mixing", [False, True])
def test_gradsign_of_numbers(outputs: int, mixing: bool) -> None:
    """Signs of the gradient of each sample's squared error, exactly."""
    net = network(outputs, *([Centred()] if mixing else []))
    targets = torch.randn(6, outputs, dtype=torch.float64)
    weights = [net[0].weight, net[-1].weight]
    votes = [torch.zeros_like(weight) for weight in weights]
    for x, y in zip(inputs().split(1), targets, strict=True):
        loss = sum(((net(x)[0, k] - y[k]) ** 2 for k in range(outputs)), torch.zeros(()))
        for vote, gradient in zip(votes, torch.autograd.grad(loss, weights), strict=True):
            vote += gradient.sign()
    expected = sum(vote.abs().sum().item() for vote in votes)
    assert nas.proxy("gradsign", chunk=4).score(net, inputs(), targets) == expected
    if outputs == 1:
        assert nas.proxy("gradsign").score(net, inputs(), targets[:, 0]) == expected


@pytest.mark.parametrize("name", OF_A_LOSS)
@pytest.mark.parametrize("case", [*OF_NUMBERS, *OF_CLASSES])
def test_targets_that_do_not_fit(name: str, case: str) -> None:
    targets, message = {**OF_NUMBERS, **OF_CLASSES}[case]
    with pytest.raises(nas.NotApplicableError, match=message):
        nas.proxy(name).score(network(), inputs(), targets)


@pytest.mark.parametrize("targets", [torch.zeros(6), torch.zeros(6, 3, dtype=torch.long)])
def test_epe_nas_needs_classes(targets: Tensor) -> None:
    with pytest.raises(nas.NotApplicableError, match="no class"):
        nas.proxy("epe_nas").score(network(), inputs(), targets)


@pytest.mark.parametrize("name", [*OF_A_LOSS, "epe_nas"])
def test_how_indices_are_stored_does_not_matter(name: str) -> None:
    net, proxy = network(), nas.proxy(name)
    targets = torch.tensor([0, 1, 2, 2, 1, 0])
    expected = proxy.score(net, inputs(), targets)
    for dtype in (torch.uint8, torch.int32):
        assert proxy.score(net, inputs(), targets.to(dtype)) == expected


class Root(nn.Module):
    """The gradient at 0 is infinite, times 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (x * 0.0).sqrt() * 0.0


@pytest.mark.parametrize("name", [*OF_A_LOSS, "jacov", "epe_nas"])
def test_a_gradient_that_is_no_number(name: str) -> None:
    """Though the loss is."""
    with pytest.raises(nas.NonFiniteError):
        nas.proxy(name).score(network(3, Root()), inputs(), torch.arange(6) % 3)


@pytest.mark.parametrize("name", OF_A_LOSS)
def test_a_target_that_is_no_number(name: str) -> None:
    targets = torch.zeros(6, 3)
    targets[4, 1] = float("nan")
    with pytest.raises(nas.NonFiniteError):
        nas.proxy(name).score(network(), inputs(), targets)
