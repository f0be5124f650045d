"""GradSign is Algorithm 1 of its paper, to the last sign, whatever the network is made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

import nas
from nas_proxies.per_sample import layer_weights, visit_gradients

CLASSES = 4


def plain_gradsign(network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Algorithm 1, word by word: one sample, one backward pass, signs, sum, absolute, sum."""
    network.train()
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    votes = [torch.zeros_like(layer.weight, dtype=torch.float64) for layer in layers]
    for i in range(len(inputs)):
        network.zero_grad()
        functional.cross_entropy(network(inputs[i : i + 1]), targets[i : i + 1]).backward()
        for vote, layer in zip(votes, layers, strict=True):
            if layer.weight.grad is not None:
                vote += torch.sign(layer.weight.grad)
    return sum(float(vote.abs().sum()) for vote in votes)


def batch(samples: int = 5, height: int = 7, width: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(samples)
    inputs = torch.randn(samples, 3, height, width, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(CLASSES, (samples,), generator=generator)


class Head(nn.Sequential):
    """Without ReLU, a batch norm's average is constant: gradients are 0, and noise in floats."""

    def __init__(self, channels: int) -> None:
        super().__init__(
            nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES)
        )


class Residual(nn.Module):
    def __init__(self, body: nn.Module, scale: float = 1.0) -> None:
        super().__init__()
        self.body, self.scale = body, scale

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) * self.scale


class Zero(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


class Shared(nn.Module):
    """One convolution is called three times, once on a path that the loss does not depend on."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.conv, self.head = nn.Conv2d(3, 6, 1), nn.Conv2d(6, 6, 3, padding=1), Head(6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        self.conv(x - 1)
        out: Tensor = self.head(self.conv(self.conv(x).relu()))
        return out


class Tied(nn.Module):
    """Two layers hold one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3), Head(3)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.b(functional.gelu(self.a(x))))
        return out


class Tokens(nn.Module):
    """Linear layers over tokens, attention among them, a class token in front."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.qkv, self.head = nn.Conv2d(3, 8, 2, 2), nn.Linear(8, 24), nn.Linear(8, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.place = nn.Parameter(torch.randn(1, 10, 8))
        self.norm = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], dim=1) + self.place
        q, k, v = self.qkv(self.norm(x)).chunk(3, dim=-1)
        x = x + functional.softmax(q @ k.transpose(-2, -1) / 8**0.5, dim=-1) @ v
        x = x + functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.head(x[:, 0])
        return out


class Frozen(nn.Module):
    """Weights that need no gradient, batch norm on fixed statistics, a learned scale."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.head = nn.Conv2d(3, 5, 3), nn.Conv2d(5, 5, 3), Head(5)
        self.norm, self.scale = nn.BatchNorm2d(5), nn.Parameter(torch.rand(5, 1, 1))
        self.b.weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x) * self.scale
        x = functional.batch_norm(x, self.norm.running_mean, self.norm.running_var, training=False)
        out: Tensor = self.head(self.b(x))
        return out


class Centred(nn.Module):
    """Takes the mean of the batch away: a sample that is alone becomes zero."""

    def forward(self, x: Tensor) -> Tensor:
        return x - 0.5 * x.mean(0, keepdim=True)


class Sliced(nn.Conv2d):
    """Uses half of its weight, as weight-sharing supernets do."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        return functional.conv2d(input, self.weight[: self.out_channels // 2])


class Attention(nn.Module):
    """torch's own, one function that works with several weights."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, 0]
        out: Tensor = self.head(self.attention(x, x, x)[0].mean(1))
        return out


class Folded(nn.Module):
    """Makes samples of the pixels, and takes their statistics, within one image or many."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.first, self.last = nn.BatchNorm1d(3), nn.Linear(3, 5), nn.Linear(210, 4)

    def forward(self, x: Tensor) -> Tensor:
        pixels = torch.tanh(self.first(self.norm(x.permute(0, 2, 3, 1).reshape(-1, 3))))
        out: Tensor = self.last(pixels.reshape(len(x), -1))
        return out


def conv_bn(inputs: int, outputs: int, padding: int = 1) -> nn.Sequential:
    conv = nn.Conv2d(inputs, outputs, 3, padding=padding, bias=False)
    return nn.Sequential(nn.ReLU(), conv, nn.BatchNorm2d(outputs))


TOGETHER: dict[str, Callable[[], nn.Module]] = {
    "strided": lambda: nn.Sequential(nn.Conv2d(3, 5, 3, (2, 3), (1, 2)), nn.Tanh(), Head(5)),
    "strided 1x1": lambda: nn.Sequential(nn.Conv2d(3, 5, 1, 2), nn.ELU(inplace=True), Head(5)),
    "dilated": lambda: nn.Sequential(nn.Conv2d(3, 5, 3, dilation=(2, 1)), nn.GELU(), Head(5)),
    "grouped": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.ReLU(True), nn.Conv2d(6, 9, 3, 2, 2, groups=3), nn.ReLU(), Head(9)
    ),
    "same": lambda: nn.Sequential(nn.Conv2d(3, 5, (3, 5), padding="same"), nn.Sigmoid(), Head(5)),
    "reflected": lambda: nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=2, padding_mode="reflect"), nn.LeakyReLU(), Head(5)
    ),
    "batch norm": lambda: nn.Sequential(
        conv_bn(3, 6, 0), nn.MaxPool2d(2, ceil_mode=True), conv_bn(6, 6), Head(6)
    ),
    "batch norm without statistics": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, affine=False, track_running_stats=False), Head(6)
    ),
    "group norm": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.GroupNorm(2, 6), nn.PReLU(6), nn.InstanceNorm2d(6), Head(6)
    ),
    "residual": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 3), Residual(conv_bn(6, 6)), Residual(nn.AvgPool2d(1)), Head(6)
    ),
    "none": lambda: nn.Sequential(nn.Conv2d(3, 6, 3), Residual(nn.Conv2d(6, 6, 1), 0.0), Head(6)),
    "all none": lambda: nn.Sequential(nn.Conv2d(3, 6, 3), Zero(), conv_bn(6, 6), Head(6)),
    "mlp": lambda: nn.Sequential(
        nn.Flatten(),
        nn.Linear(126, 9),
        nn.LayerNorm(9),
        nn.Dropout(0.0),
        nn.ReLU(),
        nn.Linear(9, 4),
    ),
    "shared": Shared,
    "tied": Tied,
    "tokens": Tokens,
    "frozen": Frozen,
    "sliced weight": lambda: nn.Sequential(Sliced(3, 10, 3), nn.ReLU(), Head(5)),
    "multi-head attention": Attention,
}

ALONE: dict[str, Callable[[], nn.Module]] = {
    "batch mean": lambda: nn.Sequential(nn.Conv2d(3, 5, 3), Centred(), nn.Tanh(), Head(5)),
    "folded": Folded,
    "lopsided": lambda: nn.Sequential(nn.Conv2d(3, 5, 2, padding="same"), nn.ReLU(), Head(5)),
    "dropout": lambda: nn.Sequential(nn.Conv2d(3, 5, 3), nn.Dropout(0.5), nn.ReLU(), Head(5)),
}


def calls_of(network: nn.Module) -> list[int]:
    """Return a list that gets the number of samples of every forward pass to come."""
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    return sizes


def built(make: Callable[[], nn.Module]) -> nn.Module:
    torch.manual_seed(1)
    return make().double()


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name", [*TOGETHER, *ALONE])
def test_gradsign_equals_the_plain_loop(name: str) -> None:
    network = built({**TOGETHER, **ALONE}[name])
    inputs, targets = batch(5)
    sizes = calls_of(network)
    torch.manual_seed(2)
    score = nas.proxy("gradsign", chunk=3).score(network, inputs, targets)
    assert sizes == ([3, 2] if name in TOGETHER else [3, 1, 1, 1, 1, 1])
    torch.manual_seed(2)
    assert score == plain_gradsign(network, inputs, targets)


@st.composite
def networks(draw: st.DrawFn) -> nn.Module:
    """Draw what NAS spaces are made of, with every option of a convolution."""
    layers: list[nn.Module] = []
    channels = 3
    for _ in range(draw(st.integers(1, 4))):
        groups = draw(st.sampled_from([1, channels]))
        filters = groups * draw(st.integers(1, 3))
        kernel = draw(st.sampled_from([1, 2, 3, (1, 3)]))
        stride = draw(st.sampled_from([1, 2, (1, 2)]))
        padding = draw(st.sampled_from([2, (2, 3)]))
        dilation, bias = draw(st.sampled_from([1, 2])), draw(st.booleans())
        layers.append(
            nn.Conv2d(channels, filters, kernel, stride, padding, dilation, groups, bias=bias)
        )
        channels = filters
        if draw(st.booleans()):
            layers.append(nn.BatchNorm2d(channels, affine=draw(st.booleans())))
        layers.append(draw(st.sampled_from([nn.ReLU(), nn.SiLU(), nn.ELU(inplace=True)])))
        if draw(st.booleans()):
            layers.append(Residual(conv_bn(channels, channels)))
    return nn.Sequential(*layers, Head(channels))


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 6), st.integers(1, 6), st.integers(0, 999))
def test_per_sample_gradients(data: st.DataObject, samples: int, chunk: int, seed: int) -> None:
    """Gradients, not scores: a sign of a gradient that is 0 in theory is noise in any precision."""
    torch.manual_seed(seed)
    network, (inputs, targets) = data.draw(networks()).double(), batch(samples)
    weights = layer_weights(network)
    found: dict[nn.Parameter, list[Tensor]] = {weight: [] for weight in weights}
    sizes = calls_of(network)
    visit_gradients(
        network,
        inputs,
        targets,
        losses=partial(functional.cross_entropy, reduction="none"),
        chunk=chunk,
        visit=lambda weight, gradients: found[weight].append(gradients.clone()),
    )
    assert sizes == [len(part) for part in inputs.split(chunk)]
    for i in range(samples):
        loss = functional.cross_entropy(network(inputs[i : i + 1]), targets[i : i + 1])
        for weight, expected in zip(weights, torch.autograd.grad(loss, weights), strict=True):
            torch.testing.assert_close(torch.cat(found[weight])[i], expected, rtol=1e-7, atol=1e-9)


def test_gradsign_in_float32_is_near() -> None:
    """Not equal: an activation within rounding of 0 lets a gradient through or not."""
    for name in ("batch norm", "residual", "shared", "tokens"):
        network, (inputs, targets) = built(TOGETHER[name]).float(), batch(24)
        score = nas.proxy("gradsign").score(network, inputs.float(), targets)
        assert score == pytest.approx(plain_gradsign(network, inputs.float(), targets), 3e-3)
