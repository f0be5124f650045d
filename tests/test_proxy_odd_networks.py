"""Networks that proxies may have no meaning for: a number or a clear error, and nothing else."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import nas
from nas.plugins import Plugins

BUILT = {
    item.component.name: item.component.build()
    for item in Plugins(disabled=()).registry("proxy")
    if item.distribution == "plugnas"
}
PROXIES: dict[str, nas.Proxy] = {n: p for n, p in BUILT.items() if isinstance(p, nas.Proxy)}
Scored = float | tuple[type, str]

every = pytest.mark.parametrize("name", PROXIES)


def checked(found: object) -> Scored:
    """Return a score, or kind and text of what was raised: it must be an error of the candidate."""
    if isinstance(found, nas.CandidateError):
        return type(found), str(found)
    assert isinstance(found, float), found
    assert math.isfinite(found)
    return found


def scored(proxy: nas.Proxy, net: nn.Module, inputs: Tensor, targets: Tensor) -> Scored:
    torch.manual_seed(7)
    try:
        return checked(proxy.score(net, inputs, targets))
    except nas.CandidateError as error:
        return checked(error)


class Words(nn.Module):
    """Indices in; attention and a linear layer over positions."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.mix: nn.Module = nn.ReLU()
        if kind == "attention":
            self.mix = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
        elif kind == "recurrent":
            self.mix = nn.GRU(6, 6, batch_first=True)
        self.last = nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        mixed = self.mix(self.embed(x))
        mixed = mixed[0] if isinstance(mixed, tuple) else mixed
        output: Tensor = self.last(mixed.mean(1))
        return output


class Returns(nn.Module):
    """Returns something odd."""

    def __init__(self, what: Callable[[Tensor], object]) -> None:
        super().__init__()
        self.layer, self.what = nn.Linear(192, 4), what

    def forward(self, x: Tensor) -> object:
        return self.what(self.layer(x.flatten(1)).relu())


def images(samples: int = 8) -> Tensor:
    return torch.randn(samples, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def flat(*layers: nn.Module, outputs: int = 4) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(192, 6), *layers, nn.Linear(6, outputs))


def indices() -> Tensor:
    return torch.arange(40).reshape(8, 5) % 9


ODD: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor]]] = {
    "no parameter": (lambda: nn.Sequential(nn.AvgPool2d(8), nn.Flatten()), images),
    "no layer": (lambda: nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.LayerNorm(3)), images),
    "no ReLU": (lambda: flat(nn.Tanh()), images),
    "normed": (lambda: flat(nn.BatchNorm1d(6), nn.ReLU()), images),
    "normed, one sample": (lambda: flat(nn.BatchNorm1d(6), nn.ReLU()), lambda: images(1)),
    "one value": (
        lambda: nn.Sequential(nn.AvgPool2d(8), nn.Conv2d(3, 4, 1), nn.InstanceNorm2d(4), Squeeze()),
        images,
    ),
    "one output": (lambda: flat(nn.ReLU(), outputs=1), images),
    "one layer": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), images),
    "computed weights": (
        lambda: flat(nn.utils.parametrizations.weight_norm(nn.Linear(6, 6)), nn.ReLU()),
        images,
    ),
    "in place at once": (lambda: nn.Sequential(nn.ReLU(inplace=True), *flat(nn.ReLU())), images),
    "words": (lambda: Words("relu"), indices),
    "attention": (lambda: Words("attention"), indices),
    "recurrent": (lambda: Words("recurrent"), indices),
    "a lazy layer": (lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), images),
    "a tuple": (lambda: Returns(lambda x: (x, x)), images),
    "a map": (lambda: Returns(lambda x: x[:, :, None, None]), images),
    "fewer rows": (lambda: Returns(lambda x: x[:-1]), images),
    "constants": (lambda: Returns(lambda x: torch.ones(len(x), 4)), images),
    "zeros": (lambda: Returns(lambda x: x * 0.0), images),
    "signals": (
        lambda: nn.Sequential(nn.Conv1d(3, 5, 3), nn.BatchNorm1d(5), nn.ReLU(), nn.Flatten()),
        lambda: images().flatten(2),
    ),
    "volumes": (
        lambda: nn.Sequential(nn.Conv3d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 4)),
        lambda: images()[:, None],
    ),
}


class Squeeze(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def odd(case: str) -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(0)
    build, given = ODD[case]
    inputs = given()
    return build(), inputs, torch.arange(len(inputs)) % (1 if case == "one output" else 3)


@every
@pytest.mark.parametrize("case", ODD)
def test_networks_it_may_have_no_meaning_for(name: str, case: str) -> None:
    """A number or an error of the candidate: nothing else, and nothing changed."""
    net, inputs, targets = odd(case)
    given = inputs.clone()
    scored(PROXIES[name], net, inputs, targets)
    assert torch.equal(inputs, given)


@every
def test_rows_that_get_lost(name: str) -> None:
    found = scored(PROXIES[name], *odd("fewer rows"))
    if name in {"params", "flops", "l2_norm"}:
        assert isinstance(found, float)
    else:
        assert isinstance(found, tuple)
        assert found[0] is nas.NotApplicableError


@every
def test_batch_norm_of_single_values(name: str) -> None:
    """What passes samples in train mode says so; others do not meet it."""
    found = scored(PROXIES[name], *odd("normed, one sample"))
    of_images = {"zen", "linear_regions"}
    if name in {"params", "flops", "l2_norm", "synflow", "vkdnw"}:
        assert isinstance(found, float)
    else:
        said = "there is no nn" if name in of_images else "one sample|single value|1 block found"
        assert isinstance(found, tuple)
        assert found[0] is nas.NotApplicableError
        assert re.search(said, found[1])


@pytest.mark.parametrize("case", sorted(ODD.keys() - {"a lazy layer"}))
@pytest.mark.parametrize("backwards", [False, True])
def test_together_each_fails_alone(case: str, backwards: bool) -> None:
    net, inputs, targets = odd(case)
    proxies = list(PROXIES.values())[:: -1 if backwards else 1]
    alone = [scored(p, net, inputs[: p.batch], targets[: p.batch]) for p in proxies]
    torch.manual_seed(7)
    found = nas.score_together(proxies, net, inputs, targets)
    assert [checked(one) for one in found] == alone


@every
def test_fully_connected_networks(name: str) -> None:
    """At the batch that a search gives it."""
    space = nas.space("mlp", input_shape=(20,), classes=4)
    proxy = PROXIES[name]
    inputs = torch.randn(proxy.batch, 20, generator=torch.Generator().manual_seed(0))
    targets = torch.arange(proxy.batch) % 4
    for number in range(4):
        torch.manual_seed(number)
        net = space.build(space.sample(random.Random(number)))
        scored(proxy, net, inputs, targets)
