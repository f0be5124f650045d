"""Which calls are ReLUs of samples, for proxies that look at what they switch on."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import nas

PROXIES = ("naswot", "swap")
SAME: dict[str, Callable[[Tensor], Tensor]] = {
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6, in place": nn.ReLU6(inplace=True),
    "hardtanh": lambda x: F.hardtanh(x, 0.0, 1.0),
    "hardtanh, by name": lambda x: F.hardtanh(x, min_val=0, max_val=2),
    "relu6": F.relu6,
    "leaky, in place": nn.LeakyReLU(0.2, inplace=True),
    "method": lambda x: x.relu(),
}


class Net(nn.Module):
    """A hidden layer with any activation."""

    def __init__(self, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.act = act
        self.first, self.last = nn.Linear(5, 40), nn.Linear(40, 3)
        self.scale, self.rows = nn.Parameter(torch.ones(40)), nn.Parameter(torch.randn(4, 40))

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(self.act(self.first(x)))
        return output


def inputs() -> Tensor:
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def score(name: str, net: nn.Module) -> float:
    torch.manual_seed(1)
    return nas.proxy(name).score(net.double(), inputs(), torch.zeros(6, dtype=torch.long))


@pytest.mark.parametrize("name", PROXIES)
@pytest.mark.parametrize("act", SAME)
def test_it_is_a_relu(name: str, act: str) -> None:
    assert score(name, Net(SAME[act])) == score(name, Net(nn.ReLU()))


@pytest.mark.parametrize("name", [*PROXIES])
@pytest.mark.parametrize("act", [nn.Hardtanh(), nn.GELU(), nn.Hardtanh(-2.0, 6.0)])
def test_it_is_none(name: str, act: nn.Module) -> None:
    with pytest.raises(nas.NotApplicableError, match="no ReLU"):
        score(name, Net(act))


class OfParameters(Net):
    """Weights that must not be below 0, of one axis, of two, and of none."""

    def forward(self, x: Tensor) -> Tensor:
        scale = F.relu(self.scale) + F.relu(self.rows).sum(0) * F.relu(self.scale.mean())
        output: Tensor = self.last(self.act(self.first(x)) * scale)
        return output


@pytest.mark.parametrize("name", PROXIES)
def test_what_has_no_row_a_sample_is_no_code(name: str) -> None:
    assert score(name, OfParameters(nn.ReLU())) == score(name, Net(nn.ReLU()))
    with pytest.raises(nas.NotApplicableError, match="no ReLU"):
        score(name, OfParameters(nn.Tanh()))


class Single(Net):
    """One unit, and no axis for it."""

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(self.act(self.first(x)) * F.relu(self.first(x)[:, 0])[:, None])
        return output


def test_a_number_a_sample_is_a_unit() -> None:
    net = Single(nn.ReLU()).double()
    hidden = net.first(inputs())
    on = torch.cat([hidden, hidden[:, :1]], dim=1).detach().numpy() > 0
    alike = (on[:, None] == on[None]).sum(2).astype(float)
    assert score("naswot", net) == pytest.approx(math.log(abs(np.linalg.det(alike))), rel=1e-9)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_values_that_are_no_numbers_are_no_code(value: float) -> None:
    """One unit of 40 would not show in what the others switch."""
    net = Net(nn.ReLU())
    with torch.no_grad():
        net.first.bias[3] = value
    with pytest.raises(nas.NonFiniteError, match="ReLU"):
        score("naswot", net)


def test_a_relu_that_leads_nowhere_may_be_of_anything() -> None:
    class Aside(Net):
        def forward(self, x: Tensor) -> Tensor:
            F.relu(x * math.nan)
            return super().forward(x)

    assert score("naswot", Aside(nn.ReLU())) == score("naswot", Net(nn.ReLU()))
