"""GradSign passes every sample alone, even through networks that would let them meet."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import nas

CLASSES = 4


def one_by_one(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    network.train()
    weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    votes = [torch.zeros_like(weight) for weight in weights]
    for x, y in zip(inputs.split(1), targets.split(1), strict=True):
        loss = functional.cross_entropy(network(x), y)
        gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
        for vote, gradient in zip(votes, gradients, strict=True):
            vote += gradient.sign()
    return sum(vote.abs().sum().item() for vote in votes)


def batch(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(7, *shape, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(CLASSES, (7,), generator=generator)


class Backward(torch.autograd.Function):
    """Mixes samples in the backward pass only."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x * 1.0

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad - 3.0 * grad.flip(0)


def neighbour(x: Tensor) -> Tensor:
    return x - 3.0 * x.roll(1, 0)


with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    unseen = torch.jit.script(neighbour)  # runs where Python, and so the proxy, sees nothing of it


def written(x: Tensor) -> Tensor:
    kept = torch.zeros(len(x), dtype=x.dtype)
    seen_from_elsewhere = kept.view(-1)
    torch.sum(x.detach(), 1, out=kept)
    return x * seen_from_elsewhere.max()


MIXERS: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda x: x - 0.5 * x.mean(0),
    "neighbour": neighbour,
    "norm": lambda x: x / x.norm(),
    "softmax": lambda x: x.softmax(0) * x,
    "flip": lambda x: x + x.flip(0),
    "roll": lambda x: x + x.roll(1, 0),
    "cumsum": lambda x: x.cumsum(0),
    "maximum": lambda x: x * x.max(),
    "first": lambda x: x + x[:1],
    "last": lambda x: x + x[-1],
    "product": lambda x: (x @ x.T) @ x,
    "normalise": lambda x: functional.normalize(x, dim=0),
    "sort": lambda x: x.sort(0).values,
    "columns": lambda x: x + x.reshape(-1, x.shape[0]).T,
    "einsum": lambda x: torch.einsum("nc,mc->nc", x, x),
    "gather": lambda x: x.index_select(0, torch.arange(len(x) - 1, -1, -1)) + x,
    "number": lambda x: x + torch.arange(len(x), dtype=x.dtype)[:, None],
    "where": lambda x: torch.where(x > x.mean(), x, -x),
    "value": lambda x: x if float(x.detach().sum()) > 0 else -x,
    "numpy": lambda x: x + float(x.detach().numpy().mean()),
    "broadcast": lambda x: (x[:, None] + x[None]).mean(1),
    "backward": Backward.apply,
    "backward, added": lambda x: x + Backward.apply(x),
    "unseen": unseen,
    "unseen, added": lambda x: x + unseen(x),
    "unseen, detached": lambda x: x * unseen(x.detach()).mean(0),
    "operator": lambda x: x - 0.5 * torch.ops.aten.mean.dim(x, [0]),
    "mapped": lambda x: torch.func.vmap(torch.mul, (1, 1))(x, x.roll(1, 0)).T,
    "flat": lambda x: x.reshape(1, -1).softmax(1).reshape(x.shape),
    "written": written,
    "in place": lambda x: x.clone().sub_(x.mean(0)),
}


class Mixing(nn.Module):
    """Mixes its inputs, hidden units or outputs."""

    def __init__(self, mixer: Callable[[Tensor], Tensor], place: int) -> None:
        super().__init__()
        self.mixer, self.place = mixer, place
        self.first, self.last = nn.Linear(6, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate((nn.Identity(), self.first, self.last)):
            x = torch.tanh(layer(x))
            x = self.mixer(x) if i == self.place else x
        return x


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("name", MIXERS)
def test_no_sample_ever_sees_another(name: str, place: int) -> None:
    torch.manual_seed(1)
    network = Mixing(MIXERS[name], place).double()
    inputs, targets = batch(6)
    score = nas.proxy("gradsign").score(network, inputs, targets)
    assert score == one_by_one(network, inputs, targets)


NOISES: dict[str, Callable[[Tensor], Tensor]] = {
    "dropout": functional.dropout,
    "noise": lambda x: x + torch.randn_like(x),
    "stochastic depth": lambda x: x * (torch.rand(x.shape[0], 1) > 0.3),
    "python": lambda x: x * (random.random() > 0.3),
    "numpy": lambda x: x + np.random.randn(),
}


@pytest.mark.parametrize("name", NOISES)
def test_a_random_network_draws_sample_by_sample(name: str) -> None:
    """The score depends on where the generators stand, as the authors' does, and not on chunk."""
    torch.manual_seed(1)
    network = Mixing(NOISES[name], 1).double()
    inputs, targets = batch(6)

    def seeded(score: Callable[..., float], seed: int) -> float:
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        return score(network, inputs, targets)

    scores = [seeded(nas.proxy("gradsign", chunk=chunk).score, 5) for chunk in (1, 2, 64)]
    assert set(scores) == {seeded(one_by_one, 5)}
    assert len({seeded(nas.proxy("gradsign").score, seed) for seed in range(5)}) > 1


NB201 = {
    "alive": "|nor_conv_3x3~0|+|skip_connect~0|avg_pool_3x3~1|"
    "+|nor_conv_1x1~0|none~1|nor_conv_3x3~2|",
    "dead": "|none~0|+|nor_conv_3x3~0|none~1|+|skip_connect~0|avg_pool_3x3~1|none~2|",
    "none": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|",
}


@pytest.mark.parametrize("name", NB201)
def test_gradsign_of_nas_bench_201(name: str) -> None:
    shape = (3, 16, 16)  # 4x4 in the last stage: a pool over 3x3 does not see everything
    space = nas.space("nas201", cells=1, channels=4, classes=CLASSES, input_shape=shape)
    torch.manual_seed(3)
    network = space.build(space.parse(NB201[name])).double()
    inputs, targets = batch(*shape)
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    score = nas.proxy("gradsign", chunk=4).score(network, inputs, targets)
    assert sizes == [4, 3]
    assert score == one_by_one(network, inputs, targets)
    assert (score == 0.0) == (name == "none")
