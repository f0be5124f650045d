"""The parts of AZ-NAS, and VKDNW, against their definitions, written out slowly, in float64."""

from __future__ import annotations

import copy
import math
import random
from functools import partial
from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import nas
from nas.abstract.proxy import Proxy
from nas_cells.nas201 import NAS201
from nas_proxies.az_nas import AzExpressivity, AzProgressivity, AzTrainability
from nas_proxies.blocks import BlockPasses
from nas_proxies.fresh import draw_kaiming, normal_like
from nas_proxies.vkdnw import VKDNW

SHAPE = (3, 8, 8)
PARTS = [AzExpressivity(), AzProgressivity(), AzTrainability()]
TARGETS = torch.zeros(8, dtype=torch.long)


class Block(nn.Module):
    """Halves the size, if asked to."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.norm(self.conv(F.relu(x, inplace=True)))
        return output


def convolutional() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4)),
        nn.Sequential(Block(4, 4), Block(4, 6, 2), Block(6, 4)),
        nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()),
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(4, 3),
    ).double()


def fully_connected(width: int = 5) -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(192, width), nn.BatchNorm1d(width), nn.ReLU()),
        nn.Sequential(nn.Linear(width, 7), nn.ReLU(inplace=True)),
        nn.Linear(7, 3),
    ).double()


class Tokens(nn.Module):
    """Blocks on ``(samples, positions, features)``, deeper down than the network's children."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Conv2d(3, 6, 4, 4)
        self.body = nn.ModuleDict({"all": nn.ModuleList([Mix(), Mix()])})
        self.head = nn.Linear(6, 3)
        self.start = nn.Parameter(torch.ones(1, 1, 6))

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).flatten(2).transpose(1, 2) + self.start
        for block in self.body["all"]:
            x = block(x)
        output: Tensor = self.head(x.mean(1))
        return output


class Mix(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(6)
        self.layer = nn.Linear(6, 6)

    def forward(self, x: Tensor) -> Tensor:
        return x + torch.relu(self.layer(self.norm(x)))


def tokens() -> nn.Module:
    return Tokens().double()


NETWORKS = {f.__name__: f for f in (convolutional, fully_connected, tokens)}


def inputs(samples: int = 8, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(samples, *SHAPE, dtype=dtype)


def score(proxy: Proxy, net: nn.Module, seed: int = 0, samples: int = 8) -> float:
    torch.manual_seed(seed)
    return proxy.score(net, inputs(samples), TARGETS)


def rows(feature: np.ndarray) -> np.ndarray:
    """Every position of every sample: ``(rows, features)``."""
    if feature.ndim == 4:
        feature = feature.transpose(0, 2, 3, 1)
    return feature.reshape(-1, feature.shape[-1])


def entropy(feature: np.ndarray) -> float:
    values = np.linalg.eigvalsh(np.cov(rows(feature), rowvar=False, bias=True))
    shares = values / values.sum()
    return -sum(p * math.log(p + 1e-8) for p in shares)


def trainability(back: np.ndarray, signs: np.ndarray) -> float:
    """One position after another; what lies under it before the block, cut out and flattened."""
    if signs.ndim == 4:
        samples, _, height, width = signs.shape
        k, m = back.shape[2] // height, back.shape[3] // width
        total = 0.0
        for n, i, j in product(range(samples), range(height), range(width)):
            under = back[n, :, k * i : k * (i + 1), m * j : m * (j + 1)]
            total = total + np.outer(under.ravel(), signs[n, :, i, j])
        mean = total / (samples * height * width)
    else:
        mean = np.mean([np.outer(a, b) for a, b in zip(rows(back), rows(signs), strict=True)], 0)
    norm = math.sqrt(max(np.linalg.eigvalsh(mean.T @ mean)))
    return -norm - 1 / (norm + 1e-6) + 2


def blocks_of(net: nn.Module) -> list[nn.Module]:
    """What ``NETWORKS`` consist of, by hand."""
    if isinstance(net, Tokens):
        return list(net.body["all"])  # type: ignore[arg-type]
    assert isinstance(net, nn.Sequential)
    if len(net) == 4:
        return [net[1], net[2]]
    return [net[0], *net[1]]  # type: ignore[misc]


@pytest.mark.parametrize("name", NETWORKS)
def test_parts_are_their_definitions(name: str) -> None:
    net = NETWORKS[name]().train()
    torch.manual_seed(0)
    passes = BlockPasses(net, inputs())
    state = passes._generator.get_state()
    gradients = passes.gradients

    twin = NETWORKS[name]().train()
    generator = torch.Generator()
    generator.set_state(state)
    draw_kaiming(twin, "fan_in", generator)
    x = normal_like(inputs(), generator).requires_grad_(True)
    features: list[Tensor] = []
    for block in blocks_of(twin):
        block.register_forward_hook(lambda m, i, o: (features.append(o), o.clone())[1])
    twin(x)
    entropies = [entropy(f.detach().numpy()) for f in features]
    trained = []
    for i, gradient in zip(range(len(features) - 1, 0, -1), gradients, strict=True):
        assert set(gradient.outputs.flatten().tolist()) == {-1, 1}
        total = (features[i] * gradient.outputs).sum()
        (back,) = torch.autograd.grad(total, features[i - 1], retain_graph=True)
        trained.append(trainability(back.numpy(), gradient.outputs.numpy()))
    expected = [sum(entropies), min(np.diff(entropies)), np.mean(trained)]
    assert [score(p, NETWORKS[name]()) for p in PARTS] == pytest.approx(expected, rel=1e-9)
    shared = [part.compute_from(passes) for part in PARTS]
    assert shared == pytest.approx(expected, rel=1e-9)


def vkdnw(net: nn.Module, samples: int, tensors: int = 128) -> float:
    """Sample by sample, class by class; a covariance that is decomposed by numpy."""
    torch.manual_seed(0)
    draw_kaiming(net, "fan_in")
    x = normal_like(inputs(samples))
    net.eval()
    parameters = list(net.parameters())[:tensors]
    total = np.zeros((len(parameters), len(parameters)))
    for n in range(samples):
        outputs = net(x[n : n + 1])[0]
        jacobian = np.zeros((len(outputs), len(parameters)))
        for k, output in enumerate(outputs):
            grads = torch.autograd.grad(output, parameters, retain_graph=True, allow_unused=True)
            jacobian[k] = [0 if g is None else float(g.flatten()[0]) for g in grads]
        shares = 0.95 * outputs.softmax(0).detach().numpy() + 0.05 / len(outputs)
        # Without the last class the covariance can be decomposed; its row follows from the others.
        head = np.linalg.cholesky((np.diag(shares) - np.outer(shares, shares))[:-1, :-1])
        lower = np.zeros((len(outputs), len(outputs)))
        lower[:-1, :-1], lower[-1, :-1] = head, -head.sum(0)
        assert np.allclose(lower @ lower.T, np.diag(shares) - np.outer(shares, shares))
        total += (lower @ jacobian).T @ (lower @ jacobian) / samples
    deciles = np.quantile(np.linalg.svd(total)[1], np.arange(1, 10) / 10)
    parts = deciles / (deciles.sum() + 1e-10)
    return -sum(p * math.log(p + 1e-10) for p in parts)


class Centred(nn.Module):
    """Lets samples meet, but for a sample alone."""

    def forward(self, x: Tensor) -> Tensor:
        return x - 0.5 * x.mean(0, keepdim=True)


class Unusual(nn.Module):
    """Uses a weight twice, another by way of a function, and changes what a layer gave it."""

    def __init__(self, extra: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Conv2d(3, 4, 3, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.extra = extra
        self.again = nn.Conv2d(4, 4, 3, padding=1)
        self.nowhere = nn.Linear(4, 4)
        self.last = nn.Linear(4, 3)
        self.scale = nn.Parameter(torch.ones(4, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        x = self.extra(self.norm(self.first(x)).relu_() * self.scale)
        x = self.again(self.again(x).relu_()).relu_()
        output: Tensor = F.linear(x.mean((2, 3)), self.last.weight, self.last.bias)
        return output


class Scaled(nn.Module):
    """Computes with a weight before it meets a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((4,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight.exp()[:, None, None]


def unusual(extra: nn.Module | None = None) -> nn.Module:
    return Unusual(extra or nn.Identity()).double()


@pytest.mark.parametrize(
    "build",
    [
        *NETWORKS.values(),
        unusual,
        lambda: unusual(Centred()),
        lambda: unusual(Scaled()),
        lambda: unusual(nn.BatchNorm2d(4, track_running_stats=False)),
        lambda: unusual(nn.Dropout(0.5)),
    ],
)
def test_vkdnw_is_its_definition(build) -> None:  # type: ignore[no-untyped-def]
    for samples, tensors in ((5, 128), (3, 4)):
        expected = vkdnw(build(), samples, tensors)
        proxy = VKDNW(tensors=tensors, chunk=2, size=False)
        assert score(proxy, build(), samples=samples) == pytest.approx(expected, rel=1e-9)
    names = len(list(build().parameters()))
    whole = score(VKDNW(tensors=4), build(), samples=3)
    assert whole == pytest.approx(names + expected, rel=1e-9)


@pytest.mark.parametrize("proxy", [*PARTS, VKDNW(), VKDNW(size=False)])
def test_only_the_shape_and_the_random_state_count(proxy: Proxy) -> None:
    net = convolutional()
    before = copy.deepcopy(net.state_dict())
    first = score(proxy, net)
    assert all(torch.equal(a, before[k]) for k, a in net.state_dict().items())
    for parameter in net.parameters():
        parameter.data.mul_(3)
    net.eval()
    torch.manual_seed(0)
    assert proxy.score(net, inputs() * 7, TARGETS) == first
    assert score(proxy, net, seed=1) != first
    net.requires_grad_(False)
    assert score(proxy, net) == pytest.approx(first, rel=1e-12)


@pytest.mark.parametrize("proxy", [*PARTS, VKDNW()])
def test_single_precision(proxy: Proxy) -> None:
    torch.manual_seed(0)
    assert math.isfinite(proxy.score(convolutional().float(), inputs(8, torch.float32), TARGETS))


def keep(outputs: list[Tensor], module: nn.Module, _: object, output: Tensor) -> None:
    outputs.append(output)


def test_the_blocks_of_a_nas201_network() -> None:
    """Stem, cells and reductions, whatever is in the cells."""
    space = NAS201(cells=2, channels=4, classes=3, input_shape=SHAPE)
    for number in range(5):
        net = space.build(space.sample(random.Random(number)))
        expected: list[Tensor] = []
        stages = [m for name, m in net.named_children() if name.startswith("stage")]
        wanted = [net.stem, *stages[0], net.reduction_2, *stages[1], net.reduction_3, *stages[2]]
        passes = BlockPasses(net.train(), inputs(4, torch.float32))
        for block in wanted:
            block.register_forward_hook(partial(keep, expected))
        assert len(passes.features) == len(wanted) == 9
        assert all(map(torch.equal, passes.features, expected))


def test_odd_sizes_are_filled_up() -> None:
    """Five positions in a row become three: of two, two and one."""
    net = nn.Sequential(Block(3, 4), Block(4, 5, 2), nn.Flatten(), nn.Linear(45, 3)).double()
    torch.manual_seed(0)
    passes = BlockPasses(net.train(), torch.ones(6, 3, 5, 5, dtype=torch.float64))
    ((back, signs),) = passes.gradients
    filled = np.zeros((6, 4, 6, 6))
    filled[:, :, :5, :5] = back.numpy()
    expected = trainability(filled, signs.numpy())
    assert AzTrainability().compute_from(passes) == pytest.approx(expected, rel=1e-9)


def test_one_block_is_opened() -> None:
    net = nn.Sequential(Tokens(), nn.Identity()).double()
    assert [f.shape for f in BlockPasses(net, inputs(2)).features] == [(2, 4, 6)] * 2


class Apart(nn.Module):
    """Two blocks side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.head = Block(3, 3), Block(3, 3), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.head((self.one(x + 0) + self.two(x + 0)).mean((2, 3)))
        return output


class Same(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return x


class Zero(Same):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def ends(*middle: nn.Module) -> nn.Module:
    return nn.Sequential(Block(3, 4), *middle, nn.Flatten(), nn.LazyLinear(3)).double()


def refusal(proxy: Proxy, net: nn.Module) -> str:
    net(inputs(2))
    with pytest.raises(nas.NotApplicableError) as caught:
        score(proxy, net)
    return str(caught.value)


def test_what_parts_do_not_apply_to() -> None:
    for part in PARTS:
        assert "1 block found, and two are needed" in refusal(part, ends())
        assert "0 block" in refusal(part, nn.Sequential(nn.Flatten(), nn.Linear(192, 3)).double())
    last = PARTS[-1]
    assert "block 1 does not depend on the one before" in refusal(last, Apart().double())
    assert "block 1 does not depend on the one before" in refusal(last, ends(Zero()))
    assert "turns 8 positions in a row into 6" in refusal(last, ends(nn.Conv2d(4, 4, 3)))
    assert "turns 8 positions in a row into 16" in refusal(last, ends(Up()))


class Up(Block):
    def __init__(self) -> None:
        super().__init__(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        return F.interpolate(super().forward(x), scale_factor=2)


def test_what_has_no_finite_score() -> None:
    net = ends(Same())
    net(inputs(2))
    with pytest.raises(nas.NonFiniteError, match="passes on its input as it is"):
        score(AzTrainability(), net)
    net = ends(Zero())
    net(inputs(2))
    with pytest.raises(nas.NonFiniteError, match="features of block 1 are constant"):
        score(AzExpressivity(), net)


@pytest.mark.parametrize("proxy", [*PARTS, VKDNW()])
def test_indices_cannot_be_drawn(proxy: Proxy) -> None:
    net = nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 4), nn.Linear(4, 4), nn.Flatten())
    with pytest.raises(nas.NotApplicableError, match="inputs are indices"):
        proxy.score(net, torch.zeros(4, 3, dtype=torch.long), TARGETS[:4])


def test_what_vkdnw_does_not_apply_to() -> None:
    flat = nn.Flatten()
    assert "one output" in refusal(VKDNW(), nn.Sequential(flat, nn.Linear(192, 1)).double())
    no_bias = nn.Sequential(flat, nn.Linear(192, 3, bias=False)).double()
    assert "fewer than two parameter tensors" in refusal(VKDNW(), no_bias)
    assert "(samples, classes)" in refusal(VKDNW(), Block(3, 3).double())
    aside = unusual(Scaled())
    assert isinstance(aside, Unusual)
    aside.forward = lambda x: x.mean((2, 3))  # type: ignore[method-assign]
    assert "depend on no parameter" in refusal(VKDNW(), aside)


@pytest.mark.parametrize("wrong", [{"batch": 0}, {"tensors": 1}, {"chunk": 0}, {"size": 1}])
def test_wrong_parameters(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        VKDNW(**wrong)  # type: ignore[arg-type]
