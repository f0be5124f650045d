"""SWAP, MeCo, Zen-score and TE-NAS's proxies against their definitions, slowly, in float64."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import nas
from nas_proxies.feature_map import last_feature_map
from nas_proxies.linear_regions import LinearRegions
from nas_proxies.meco import MeCo
from nas_proxies.ntk import NTKCondition, NTKTrace
from nas_proxies.patterns import distinct
from nas_proxies.swap import SWAP
from nas_proxies.thin import Thin
from nas_proxies.zen import Zen

SHAPE = (3, 7, 6)
ALL = (SWAP, MeCo, Zen, NTKCondition, NTKTrace, LinearRegions)


class Small(nn.Module):
    """A layer that is called twice, a depthwise one, a concatenation, and a dead end."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, stride=2)
        self.norm = nn.BatchNorm2d(6)
        self.own = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.act = nn.ReLU(inplace=True)
        self.mix = nn.Conv2d(12, 4, 1, bias=False)
        self.bare = nn.BatchNorm2d(4, affine=False, track_running_stats=False)
        self.nowhere = nn.Linear(4, 4)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.first(x)))
        x = torch.relu(self.bare(self.mix(torch.cat([x, self.own(x)], dim=1))))
        x = x.mean((2, 3))
        F.relu(self.nowhere(x))
        output: Tensor = self.last(x)
        return output


class Words(nn.Module):
    """Token indices in."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(9, 6)
        self.inside = nn.Linear(6, 5)
        self.last = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(F.relu(self.inside(self.embed(x))).mean(1))
        return output


def batch(samples: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(samples, *SHAPE, generator=generator, dtype=torch.float64)
    return inputs, torch.zeros(samples, dtype=torch.long)


def small() -> Small:
    torch.manual_seed(3)
    return Small().double()


def words() -> tuple[nn.Module, Tensor, Tensor]:
    torch.manual_seed(3)
    inputs = torch.randint(9, (8, 5), generator=torch.Generator().manual_seed(0))
    return Words().double(), inputs, torch.zeros(8, dtype=torch.long)


def score(proxy: nas.Proxy, net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    torch.manual_seed(5)
    return proxy.score(net, inputs, targets)


def drawn(net: Small, *, kaiming: bool = False) -> Small:
    """Weights drawn anew in the order of the modules, after the same seed."""
    torch.manual_seed(5)
    for layer in (net.first, net.own, net.mix, net.nowhere, net.last):
        if kaiming:
            fan_out = layer.weight.numel() // layer.weight.shape[1]
            nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_out))
        else:
            nn.init.normal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return net


def normalised(x: Tensor) -> Tensor:
    """Batch norm with the statistics of the batch, channel by channel."""
    channels = [x[:, c] for c in range(x.shape[1])]
    done = [(c - c.mean()) / torch.sqrt(c.var(correction=0) + 1e-5) for c in channels]
    return torch.stack(done, dim=1)


def steps(net: Small, x: Tensor) -> list[Tensor]:
    """What reaches batch norms and ReLUs: norm, ReLU, norm, ReLU; then the last feature map."""
    a = net.first(x)
    b = normalised(a)
    c = net.mix(torch.cat([b.relu(), net.own(b.relu())], dim=1))
    d = normalised(c)
    return [a, b, c, d, d.relu()]


def columns(*layers: Tensor) -> int:
    flat = torch.cat([layer.flatten(1) for layer in layers], dim=1)
    return len({tuple(bool(v > 0) for v in column) for column in flat.T})


@torch.no_grad()
@pytest.mark.parametrize("samples", [2, 7, 8, 9, 20, 40, 70])
def test_swap(samples: int) -> None:
    inputs, targets = batch(samples)
    net = drawn(small())
    _, b, _, d, last = steps(net, inputs)
    expected = columns(b, d, net.nowhere(last.mean((2, 3))))
    assert score(SWAP(), small(), inputs, targets) == expected


@torch.no_grad()
def test_swap_of_tokens() -> None:
    net, inputs, targets = words()
    assert isinstance(net, Words)
    torch.manual_seed(5)
    weight = torch.randn_like(net.inside.weight)
    expected = columns((net.embed(inputs) @ weight.T).flatten(1))
    assert score(SWAP(), net, inputs, targets) == expected


def test_regularised_swap() -> None:
    inputs, targets = batch()
    thousands = sum(p.numel() for p in small().parameters()) / 1000
    plain = score(SWAP(), small(), inputs, targets)
    assert score(SWAP(mu=thousands, sigma=1), small(), inputs, targets) == pytest.approx(plain)
    expected = plain * math.exp(-((thousands - 1) ** 2) / 2)
    assert score(SWAP(mu=1, sigma=2), small(), inputs, targets) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [{"mu": 1.0}, {"sigma": 1.0}, {"mu": 1.0, "sigma": 0.0}])
def test_half_of_the_regularisation_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="sigma"):
        SWAP(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("width", [*range(1, 11), 16, 17])
def test_distinct_patterns(width: int) -> None:
    rows = np.random.default_rng(width).integers(0, 2, (300, width)).astype(np.uint8) * 255
    found = distinct(rows)
    assert len(found) == len({tuple(row) for row in rows.tolist()})
    assert {tuple(row) for row in found.tolist()} == {tuple(row) for row in rows.tolist()}


def smallest(x: Tensor) -> float:
    """Pearson's formula entry by entry; a constant channel correlates with nothing, itself too."""
    rows = [row - row.mean() for row in x[0].flatten(1).detach().numpy()]
    table = np.zeros((len(rows), len(rows)))
    for (i, a), (j, b) in itertools.product(enumerate(rows), repeat=2):
        if np.abs(a).max() > 1e-12 and np.abs(b).max() > 1e-12:
            table[i, j] = (a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum())
    return float(np.linalg.eigvals(table).real.min())


def maps() -> nn.Sequential:
    torch.manual_seed(3)
    block = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    rest = (nn.Conv2d(4, 1, 1), nn.Conv2d(1, 12, (1, 4)), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(block, *rest, nn.Linear(12, 3)).double()


def test_meco() -> None:
    """The block counts again what its ReLU returned; 12 channels on 5 positions count 0."""
    inputs, targets = batch()
    net = maps()
    torch.manual_seed(5)
    x = torch.randn(1, *SHAPE, dtype=torch.float64)
    conv = net[0][0](x)
    norm = normalised(conv)
    one = net[1](norm.relu())
    wide = net[2](one)
    assert smallest(one) == 1
    assert smallest(wide) == pytest.approx(0, abs=1e-12)
    values = [smallest(m) for m in (conv, norm, norm.relu(), norm.relu(), one)]
    assert min(values) > 1e-3
    assert score(MeCo(), maps(), inputs, targets) == pytest.approx(sum(values), rel=1e-9)


def test_a_constant_channel_makes_meco_0() -> None:
    net = maps()
    with torch.no_grad():
        net[0][0].weight[1] = 0
    x = net[0][0](torch.randn(1, *SHAPE, dtype=torch.float64))
    assert smallest(x) == pytest.approx(0, abs=1e-12)
    inputs, targets = batch()
    assert score(MeCo(), net, inputs, targets) == pytest.approx(1, abs=1e-12)  # of one channel


@torch.no_grad()
def test_zen() -> None:
    inputs, targets = batch()
    net = drawn(small())
    x, y = (torch.randn_like(inputs) for _ in range(2))
    before, after = steps(net, x), steps(net, x + 0.01 * y)
    total = 0.0
    for sample in range(len(inputs)):
        total += float((before[-1][sample] - after[-1][sample]).abs().sum()) / len(inputs)
    expected = math.log(total)
    for at in (0, 2):
        variances = []
        for c in range(before[at].shape[1]):
            variance = 0.9 * 1 + 0.1 * float(before[at][:, c].var())
            variances.append(0.9 * variance + 0.1 * float(after[at][:, c].var()))
        expected += math.log(math.sqrt(sum(variances) / len(variances)))
    assert score(Zen(), small(), inputs, targets) == pytest.approx(expected, rel=1e-9)


def test_zen_does_not_depend_on_what_batch_norm_saw_before() -> None:
    inputs, targets = batch()
    net = small()
    first = score(Zen(), net, inputs, targets)
    net(inputs + 3)
    assert score(Zen(), net, inputs, targets) == first


def test_attention_is_no_feature_map() -> None:
    class Mixed(Small):
        def forward(self, x: Tensor) -> Tensor:
            self.seen = self.first(x)
            rows = self.seen.flatten(2).transpose(1, 2)
            heads = rows.unflatten(2, (2, 3)).transpose(1, 2)
            mixed = F.scaled_dot_product_attention(heads, heads, heads) * 2
            return mixed.transpose(1, 2).flatten(2).mean(1)

    net = Mixed().double()
    assert last_feature_map(net, batch()[0]) is net.seen


def gradient_rows(net: nn.Module, inputs: Tensor) -> np.ndarray:
    rows = []
    for sample in range(len(inputs)):
        net.zero_grad()
        net(inputs)[sample].sum().backward()
        weights = [p for name, p in net.named_parameters() if "weight" in name]
        parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in weights]
        rows.append(torch.cat([part.flatten() for part in parts]).numpy())
    return np.array(rows)


def test_tangent_kernel() -> None:
    inputs, targets = batch()
    rows = gradient_rows(drawn(small(), kaiming=True), inputs)
    singular = np.linalg.svd(rows, compute_uv=False)
    condition = (singular[0] / singular[-1]) ** 2
    found = score(NTKCondition(), small(), inputs, targets)
    assert found == pytest.approx(-condition, rel=1e-7)
    squares = sum(float(value) ** 2 for value in rows.flatten())
    assert score(NTKTrace(), small(), inputs, targets) == pytest.approx(squares, rel=1e-9)


def test_tangent_kernel_of_tokens() -> None:
    net, inputs, targets = words()
    assert isinstance(net, Words)
    twin = words()[0]
    assert isinstance(twin, Words)
    torch.manual_seed(5)
    for layer, fan_out in ((twin.inside, 5), (twin.last, 3)):
        nn.init.normal_(layer.weight, std=math.sqrt(2 / fan_out))
        nn.init.zeros_(layer.bias)
    rows = gradient_rows(twin, inputs)
    found = score(NTKTrace(), net, inputs, targets)
    assert found == pytest.approx(float((rows**2).sum()), rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_samples_make_the_kernel_singular(dtype: torch.dtype) -> None:
    inputs, targets = batch()
    inputs[1] = inputs[0]
    with pytest.raises(nas.NonFiniteError, match="singular"):
        score(NTKCondition(), small().to(dtype), inputs.to(dtype), targets)


def test_samples_equal_but_for_rounding_make_the_kernel_singular() -> None:
    """In float64 the same samples differ by more than rounding."""
    inputs, targets = batch()
    inputs[1] = inputs[0] * (1 + 3e-7)
    assert score(NTKCondition(), small(), inputs, targets) < -1e12
    with pytest.raises(nas.NonFiniteError, match="singular"):
        score(NTKCondition(), small().float(), inputs.float(), targets)


@torch.no_grad()
def test_linear_regions() -> None:
    """``Small`` built with one channel for each convolution; two after the concatenation."""
    torch.manual_seed(3)
    net, images = Small().double(), torch.randn(5, *SHAPE, dtype=torch.float64)
    net.first.padding = (1, 1)
    torch.manual_seed(5)
    weights = [torch.randn_like(m.weight) for m in (net.first, net.own, net.mix, net.nowhere)]
    torch.randn_like(net.last.weight)
    codes: set[tuple[bool, ...]] = set()
    for _ in range(3):
        sizes = (5, 3, SHAPE[1] - 2, SHAPE[2] - 2)
        places = zip(*(torch.randint(size, (1000,)).tolist() for size in sizes), strict=True)
        crops = [images[i, c, h : h + 3, w : w + 3] for i, c, h, w in places]
        x = torch.stack(crops)[:, None]
        first, own = (w[:1, :1] * math.sqrt(2 / 9) for w in weights[:2])
        b = normalised(F.conv2d(x, first, stride=2, padding=1))
        both = torch.cat([b.relu(), F.conv2d(b.relu(), own, padding=1)], dim=1)
        d = normalised(F.conv2d(both, weights[2][:1, :2] * math.sqrt(2 / 2)))
        e = F.linear(d.relu().mean((2, 3)), weights[3][:, :1] * math.sqrt(2))
        flat = torch.cat([b.flatten(1), d.flatten(1), e], dim=1)
        codes |= {tuple((row > 0).tolist()) for row in flat}
    assert 1 < len(codes) < 3000
    assert score(LinearRegions(), net, images, torch.zeros(5)) == len(codes)


@torch.no_grad()
def test_fixed_filters_stay_as_they_are_in_a_thin_network() -> None:
    """The pooling of NAS-Bench-201 is a convolution with ones of as many channels as arrive."""
    net, inputs, fixed = small(), batch()[0], torch.ones(2, 3, 3, 3, dtype=torch.float64)
    expected = F.conv2d(inputs, fixed)
    with Thin(net):
        assert torch.equal(F.conv2d(inputs, fixed), expected)
        assert net.first(inputs).shape[1] == 1


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_twice_the_same_and_nothing_changed(kind: type[nas.Proxy], dtype: torch.dtype) -> None:
    inputs, targets = batch()
    inputs, net, proxy = inputs.to(dtype), small().to(dtype), kind()
    net.first.padding = (1, 1)  # for 3 x 3 inputs
    before = {name: value.clone() for name, value in net.state_dict().items()}
    first = score(proxy, net, inputs, targets)
    assert math.isfinite(first)
    assert score(proxy, net, inputs, targets) == first
    after = net.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert net.bare.running_var is None


def flat(*layers: nn.Module, inputs: int = 6) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 5), *layers, nn.Linear(5, 3)).double()


def image_net(*layers: nn.Module) -> nn.Sequential:
    pool = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), *layers, *pool).double()


def vector() -> Tensor:
    return torch.randn(8, 6, dtype=torch.float64)


def image(samples: int = 8, size: int = 6) -> Tensor:
    return torch.randn(samples, 3, size, size, dtype=torch.float64)


NOT_APPLICABLE = {
    "swap: no ReLU": (SWAP, image_net(nn.GELU()), image, "no ReLU"),
    "swap: weight norm": (
        *(SWAP, image_net(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 1)))),
        *(image, "computed from others"),
    ),
    "meco: tokens": (MeCo, words()[0], lambda: words()[1], "indices"),
    "meco: vectors": (MeCo, flat(nn.ReLU()), vector, "no module returns a feature map"),
    "meco: a single value": (
        *(MeCo, image_net(nn.MaxPool2d(6), nn.BatchNorm2d(4))),
        *(image, "single value a channel"),
    ),
    "zen: tokens": (Zen, words()[0], lambda: words()[1], "indices"),
    "zen: no batch norm": (Zen, image_net(nn.ReLU()), image, "no nn.BatchNorm2d"),
    "zen: no convolution": (
        *(Zen, nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 3))),
        *(lambda: image().float(), "no 2-D convolution"),
    ),
    "condition: one sample": (NTKCondition, image_net(), lambda: image(1), "one sample"),
    "condition: no weight": (NTKCondition, nn.Flatten(), vector, "no weight"),
    "trace: no weight": (NTKTrace, nn.Flatten(), vector, "no weight"),
    "regions: tokens": (LinearRegions, words()[0], lambda: words()[1], "no images"),
    "regions: vectors": (LinearRegions, flat(nn.ReLU()), vector, "no images"),
    "regions: small images": (LinearRegions, image_net(nn.ReLU()), lambda: image(8, 2), "3 x 3"),
    "regions: no ReLU": (LinearRegions, image_net(nn.GELU()), image, "no ReLU"),
    "regions: no convolution": (LinearRegions, flat(nn.ReLU(), inputs=108), image, "no nn.Conv2d"),
    "regions: too deep": (
        *(LinearRegions, image_net(nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2))),
        *(image, "does not run"),
    ),
    **{
        f"{kind.__name__}: returns maps": (
            *(kind, nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3), nn.ReLU()).double()),
            *(image, "classes"),
        )
        for kind in ALL
    },
}


@pytest.mark.parametrize("case", NOT_APPLICABLE)
def test_not_applicable(case: str) -> None:
    kind, net, inputs, message = NOT_APPLICABLE[case]
    given = inputs()
    with pytest.raises(nas.NotApplicableError, match=message):
        score(kind(), net, given, torch.zeros(len(given), dtype=torch.long))


def test_a_network_that_ignores_its_input() -> None:
    space = nas.space("nas201", cells=1, channels=4)
    net = space.build(space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))
    inputs, targets = torch.randn(4, 3, 32, 32), torch.zeros(4, dtype=torch.long)
    for kind in (Zen, NTKCondition):
        with pytest.raises(nas.NonFiniteError):
            score(kind(), net, inputs, targets)
    assert score(NTKTrace(), net, inputs, targets) == 0
    assert score(SWAP(), net, inputs, targets) == 1
    assert score(LinearRegions(), net, inputs, targets) == 1


@pytest.mark.parametrize("kind", ALL)
def test_values_that_overflow(kind: type[nas.Proxy]) -> None:
    """Never a number: an error."""
    net = small()
    with torch.no_grad():
        net.norm.eps = math.nan
    inputs, targets = batch()
    net.first.padding = (1, 1)
    with pytest.raises(nas.NonFiniteError):
        score(kind(), net, inputs, targets)


@pytest.mark.parametrize("kind", ALL)
def test_it_says_what_it_is(kind: type[nas.Proxy]) -> None:
    assert kind.formula
    assert kind.applies_to != nas.Proxy.applies_to
    assert kind.cost > 0
    assert not kind.needs_targets
