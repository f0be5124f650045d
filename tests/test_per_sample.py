"""Every sample's own gradients by every parameter, of every kind of layer, against a plain loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import handle_torch_function, has_torch_function

import nas
from nas_proxies.jacobians import output_jacobian
from nas_proxies.per_sample import visit_gradients
from nas_proxies.slowness import warn_of_slowness

CLASSES = 3
SAMPLES = 5
VOCABULARY = 7

Make = Callable[[], nn.Module]


class Through(nn.Module):
    """A layer, a nonlinearity, and outputs that all of its values have a part in."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.layer(x))
        x = x.flatten(1)
        weights = torch.linspace(0.5, 2.0, x.shape[1], dtype=x.dtype)
        return x[:, :CLASSES] * (x * weights).exp().mean(1, keepdim=True)


class Middle(nn.Module):
    """A layer between two others: its input's gradient matters as well."""

    def __init__(self, before: nn.Module, layer: nn.Module) -> None:
        super().__init__()
        self.before, self.through = before, Through(layer)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.through(torch.tanh(self.before(x)))
        return out


class Attending(nn.Module):
    """Linear layers and torch's attention function."""

    def __init__(self, causal: bool = False) -> None:
        super().__init__()
        self.causal, self.heads = causal, 2
        self.qkv, self.out = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        parts = self.qkv(x).view(n, length, 3, self.heads, -1).permute(0, 2, 3, 1, 4).unbind(1)
        mixed = functional.scaled_dot_product_attention(*parts, is_causal=self.causal)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(n, length, width))
        return out


class MultiHead(nn.Module):
    """torch's layer, with keys and values of its own or those of its queries."""

    def __init__(
        self, *, itself: bool = True, weights: bool = False, causal: bool = False, **options: bool
    ) -> None:
        super().__init__()
        self.itself, self.weights, self.causal = itself, weights, causal
        self.layer = nn.MultiheadAttention(8, 2, **options)
        for parameter in self.layer.parameters():
            nn.init.normal_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        first = self.layer.batch_first
        x = x if first else x.transpose(0, 1)
        others = x if self.itself else x.tanh()
        length = x.shape[1] if first else x.shape[0]
        mask = torch.full((length, length), -torch.inf, dtype=x.dtype).triu(1)
        out, shares = self.layer(
            *(x, others, others),
            need_weights=self.weights,
            attn_mask=mask if self.causal else None,
            is_causal=self.causal and not self.weights,
        )
        out = out if first else out.transpose(0, 1)
        return out * shares[:, :, :1] if self.weights else out


class Shared(nn.Module):
    """Two layers hold one weight and have biases of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(8, 8), nn.Linear(8, 8)
        self.b.weight = self.a.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.b(self.a(x).relu())
        return out


class Tied(nn.Module):
    """A language model: embedding and output share their weight."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(VOCABULARY, 8), nn.LayerNorm(8)
        self.places = nn.Embedding(6, 8)
        self.out = nn.Linear(8, VOCABULARY)
        self.out.weight = self.words.weight

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.out(self.norm(self.words(x) + self.places(torch.arange(x.shape[1]))))
        return out


class Patches(nn.Module):
    """A vision transformer: a class token, places, a learned scale, torch's encoder layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(4, 8, 2, 2)
        self.token, self.place = (
            nn.Parameter(torch.randn(1, 1, 8)),
            nn.Parameter(torch.randn(10, 8)),
        )
        self.second = nn.Parameter(torch.randn(1, 1, 8))
        self.block = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True)
        self.scale, self.shift = nn.Parameter(torch.rand(8)), nn.Parameter(torch.rand(()))

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        tokens = (self.token.expand(len(x), -1, -1), self.second.repeat(len(x), 1, 1))
        x = torch.cat([*tokens, x], dim=1)[:, :10] + self.place
        x = self.block(x) * self.scale
        x += self.shift
        return x[:, 0]


class Twice(nn.Module):
    """One layer, used twice and once in vain."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        self.layer(x - 1)
        out: Tensor = self.layer(torch.tanh(self.layer(x)) + x)
        return out


class Applied(nn.Module):
    """Uses a parameter in a way of its own."""

    def __init__(self, parameter: Tensor, use: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.parameter, self.use = nn.Parameter(parameter), use

    def forward(self, x: Tensor) -> Tensor:
        return self.use(x, self.parameter)


def drawn(layer: nn.Module) -> nn.Module:
    """Draw what norms start with as 0 and 1."""
    for tensor in (*layer.parameters(), *layer.buffers()):
        if tensor.is_floating_point():
            nn.init.uniform_(tensor, 0.3, 1.0)
    return layer


def fixed(layer: nn.Module) -> nn.Module:
    """Keep a norm from ever being in train mode."""
    layer.train = lambda mode=True: layer  # type: ignore[method-assign,assignment]
    layer.training = False
    return drawn(layer)


def normalised(x: Tensor, p: Tensor) -> Tensor:
    """Compute with a weight that is computed from a parameter, twice."""
    weight = p / p.norm(dim=1, keepdim=True)
    return functional.linear(x, weight) @ weight * p.detach().mean() + p.mean()


def in_vain(x: Tensor, p: Tensor) -> Tensor:
    """Compute from a parameter what nothing depends on, or only a part of it."""
    a, b = (p * 2).view(2, 4).unbind(0)
    most, indices = p.view(4, 2).max(1)
    x * p.square()
    return x[:, :4] * a.tanh() + a + (x[:, :4] * b).detach() + most * indices


def mean_of(values: dict[str, Tensor]) -> Tensor:
    """Be somebody's own torch function, whose inside no mode sees."""
    if has_torch_function((values["x"],)):
        return cast(Tensor, handle_torch_function(mean_of, (values["x"],), values))
    return values["x"].mean(0)


class Sliced(nn.Conv2d):
    """Uses half of its weight and bias, as weight-sharing supernets do."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name for it
        half = self.out_channels // 2
        return functional.conv2d(input, self.weight[:half, :, 1:], self.bias[:half])


IMAGES: dict[str, Make] = {
    "conv2d": lambda: nn.Conv2d(4, 6, 3),
    "conv2d strided": lambda: nn.Conv2d(4, 6, 3, (2, 3), (1, 2)),
    "conv2d dilated": lambda: nn.Conv2d(4, 6, 3, dilation=(2, 1), padding=2),
    "conv2d grouped": lambda: nn.Conv2d(4, 6, 3, groups=2),
    "conv2d depthwise": lambda: nn.Conv2d(4, 8, (1, 3), padding="valid", groups=4),
    "conv2d 1x1": lambda: nn.Conv2d(4, 6, 1, 2),
    "conv2d same": lambda: nn.Conv2d(4, 6, (3, 5), padding="same", dilation=(1, 2)),
    "conv2d reflected": lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="reflect"),
    "conv2d circular": lambda: nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular", bias=False),
    "conv2d twice": lambda: Twice(nn.Conv2d(4, 4, 3, padding=1)),
    "conv2d sliced": lambda: Sliced(4, 8, 3),
    "scale of channels": lambda: Applied(torch.rand(4), lambda x, p: x * p.view(1, -1, 1, 1)),
    "batch norm": lambda: drawn(nn.BatchNorm2d(4)),
    "batch norm, fixed": lambda: fixed(nn.BatchNorm2d(4)),
    "batch norm without statistics": lambda: drawn(nn.BatchNorm2d(4, track_running_stats=False)),
    "batch norm twice": lambda: Twice(drawn(nn.BatchNorm2d(4))),
    "group norm": lambda: drawn(nn.GroupNorm(2, 4)),
    "instance norm": lambda: drawn(nn.InstanceNorm2d(4, affine=True)),
    "instance norm, statistics": lambda: drawn(
        nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
    ),
    "instance norm, fixed": lambda: fixed(
        nn.InstanceNorm2d(4, affine=True, track_running_stats=True)
    ),
    "layer norm": lambda: drawn(nn.LayerNorm((8, 6))),
    "layer norm of all": lambda: drawn(nn.LayerNorm((4, 8, 6))),
    "rms norm": lambda: drawn(nn.RMSNorm(6)),
    "prelu": lambda: nn.PReLU(),
    "prelu of channels": lambda: drawn(nn.PReLU(4)),
    "scale": lambda: Applied(torch.rand(4, 1, 1), lambda x, p: p * x - 1),
    "scale of one row": lambda: Applied(torch.rand(1, 4, 1, 1), torch.mul),
    "transformer": Patches,
}

LINES: dict[str, Make] = {
    "conv1d": lambda: nn.Conv1d(8, 6, 3),
    "conv1d strided": lambda: nn.Conv1d(8, 6, 3, 2, 1),
    "conv1d same": lambda: nn.Conv1d(8, 6, 3, padding="same", dilation=2),
    "conv1d grouped": lambda: nn.Conv1d(8, 12, 2, groups=4),
    "conv1d 1": lambda: nn.Conv1d(8, 6, 1),
    "batch norm 1d": lambda: drawn(nn.BatchNorm1d(8)),
    "instance norm 1d": lambda: drawn(nn.InstanceNorm1d(8, affine=True)),
}

VOLUMES: dict[str, Make] = {
    "conv3d": lambda: nn.Conv3d(2, 4, (2, 3, 1), (1, 2, 1), 1),
    "conv3d grouped": lambda: nn.Conv3d(2, 4, 3, dilation=(1, 2, 1), padding="same", groups=2),
    "conv3d 1x1x1": lambda: nn.Conv3d(2, 4, 1, (1, 2, 1)),
    "batch norm 3d": lambda: drawn(nn.BatchNorm3d(2)),
}

TOKENS: dict[str, Make] = {
    "linear": lambda: nn.Linear(8, 5),
    "linear without bias": lambda: nn.Linear(8, 5, bias=False),
    "linear twice": lambda: Twice(nn.Linear(8, 8)),
    "shared": Shared,
    "layer norm of tokens": lambda: drawn(nn.LayerNorm(8)),
    "rms norm of tokens": lambda: drawn(nn.RMSNorm(8, eps=1e-3)),
    "attention": Attending,
    "causal attention": lambda: Attending(causal=True),
    "multi-head": lambda: MultiHead(batch_first=True),
    "multi-head, second": lambda: MultiHead(batch_first=False),
    "multi-head, shares": lambda: MultiHead(batch_first=True, weights=True),
    "multi-head, shares, masked": lambda: MultiHead(batch_first=True, weights=True, causal=True),
    "multi-head, causal": lambda: MultiHead(batch_first=False, causal=True),
    "multi-head across": lambda: MultiHead(batch_first=True, itself=False),
    "multi-head without bias": lambda: MultiHead(batch_first=True, bias=False),
    "encoder": lambda: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0, batch_first=True),
    "encoder, norm first": lambda: nn.TransformerEncoderLayer(
        8, 2, 12, dropout=0.0, batch_first=True, norm_first=True, activation="gelu"
    ),
}

VECTORS: dict[str, Make] = {
    "linear of vectors": lambda: nn.Linear(8, 5),
    "layer norm of vectors": lambda: drawn(nn.LayerNorm(8)),
    "group norm of vectors": lambda: drawn(nn.GroupNorm(2, 8)),
    "shift": lambda: Applied(torch.rand(8), lambda x, p: x + p),
    "matrix": lambda: Applied(torch.rand(8, 5), torch.matmul),
    "sliced": lambda: Applied(torch.rand(9), lambda x, p: x * p[1:]),
    "place": lambda: Applied(torch.rand(3, 8), lambda x, p: x + p.mean(0)),
    "row": lambda: Applied(torch.rand(1, 8), lambda x, p: x + p.expand(1, -1)),
    "halves": lambda: Applied(
        torch.rand(16), lambda x, p: x * p.chunk(2)[0] + p.chunk(2)[1].square()
    ),
    "normalised": lambda: Applied(torch.rand(5, 8), normalised),
    "in vain": lambda: Applied(torch.rand(8), in_vain),
    "residual": lambda: Twice(Applied(torch.rand(1, 8), torch.add)),
}

WORDS: dict[str, Make] = {
    "embedding": lambda: nn.Embedding(VOCABULARY, 8),
    "embedding, padded": lambda: nn.Embedding(VOCABULARY, 8, padding_idx=2),
    "embedding, padded at the end": lambda: nn.Embedding(VOCABULARY, 8, padding_idx=-3),
    "tied": Tied,
}

SLOW: dict[str, tuple[Make, tuple[int, ...]]] = {
    "transposed": (lambda: nn.ConvTranspose2d(4, 3, 2), (4, 4, 4)),
    "lopsided": (lambda: nn.Conv1d(8, 4, 4, padding="same"), (8, 6)),
    "written": (lambda: Applied(torch.rand(8), lambda x, p: p.clone().mul_(x.mean()) + x), (8,)),
    "written, derived": (lambda: Applied(torch.rand(8), lambda x, p: p.clone().mul_(2) + x), (8,)),
    "encoder, second": (lambda: nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0), (6, 8)),
    "multi-head, own keys": (
        lambda: MultiHead(batch_first=True, add_bias_kv=True),
        (6, 8),
    ),
    "multi-head of vectors": (lambda: MultiHead(batch_first=True), (8,)),
    "batch mean": (lambda: Applied(torch.rand(8), lambda x, p: (x - 0.5 * x.mean(0)) * p), (8,)),
    "in a dictionary": (
        lambda: Applied(torch.rand(8), lambda x, p: (x - 0.5 * mean_of({"x": x})) * p),
        (8,),
    ),
    "exchanged": (
        lambda: Applied(
            torch.rand(8), lambda x, p: x.transpose(0, 1).cumsum(1).transpose(0, 1) * p
        ),
        (6, 8),
    ),
    "embedding by frequency": (
        lambda: nn.Sequential(
            Applied(torch.rand(1, 8), lambda x, p: (x + p).abs().mul(2).long().clamp(0, 6)),
            nn.Embedding(VOCABULARY, 4, scale_grad_by_freq=True),
        ),
        (8,),
    ),
    "sparse embedding": (
        lambda: nn.Sequential(
            Applied(torch.rand(8), lambda x, p: (x - x.mean(0)).abs().long().clamp(0, 6)),
            nn.Embedding(VOCABULARY, 4, sparse=True),
        ),
        (8,),
    ),
}

FAST = {
    **{name: (make, (4, 8, 6)) for name, make in IMAGES.items()},
    **{name: (make, (8, 5)) for name, make in LINES.items()},
    **{name: (make, (2, 4, 5, 3)) for name, make in VOLUMES.items()},
    **{name: (make, (6, 8)) for name, make in TOKENS.items()},
    **{name: (make, (8,)) for name, make in VECTORS.items()},
    **{name: (make, ()) for name, make in WORDS.items()},
}


def before(shape: tuple[int, ...]) -> nn.Module:
    """Return something with parameters that keeps the shape."""
    channels = shape[0]
    convs = {3: nn.Conv2d, 4: nn.Conv3d}
    if len(shape) in convs:
        return convs[len(shape)](channels, channels, 1)
    return nn.Linear(shape[-1], shape[-1])


def built(make: Make, shape: tuple[int, ...]) -> nn.Module:
    torch.manual_seed(1)
    network = Middle(before(shape), make()) if shape else Through(make())
    return network.double().train()


def batch(shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    targets = torch.randint(CLASSES, (SAMPLES,), generator=generator)
    if not shape:
        return torch.randint(VOCABULARY, (SAMPLES, 6), generator=generator), targets
    return torch.randn(SAMPLES, *shape, generator=generator, dtype=torch.float64), targets


def one_by_one(network: nn.Module, inputs: Tensor, targets: Tensor) -> list[list[Tensor]]:
    """Return, by parameter, each sample's gradient: one sample, one backward pass."""
    parameters = list(network.parameters())
    found: list[list[Tensor]] = [[] for _ in parameters]
    for x, y in zip(inputs.split(1), targets.split(1), strict=True):
        loss = functional.cross_entropy(network(x), y)
        gradients = torch.autograd.grad(loss, parameters, materialize_grads=True)
        for rows, gradient in zip(found, gradients, strict=True):
            rows.append(gradient.to_dense())
    return found


def together(network: nn.Module, inputs: Tensor, targets: Tensor, chunk: int) -> list[list[Tensor]]:
    found: dict[nn.Parameter, list[Tensor]] = {p: [] for p in network.parameters()}

    def visit(parameter: nn.Parameter, gradients: Tensor) -> None:
        found[parameter].extend(gradients.clone())
        gradients.fill_(torch.nan)  # which it may

    visit_gradients(
        network,
        inputs,
        targets,
        losses=partial(functional.cross_entropy, reduction="none"),
        chunk=chunk,
        visit=visit,
        parameters=network.parameters(),
    )
    nothing = {p: [torch.zeros_like(p)] * len(inputs) for p in network.parameters()}
    return [found[p] or nothing[p] for p in network.parameters()]


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[str]]]:
    warn_of_slowness.cache_clear()
    with caplog.at_level(logging.WARNING, logger="nas_proxies"):
        yield lambda: [record.getMessage() for record in caplog.records]


Said = Callable[[], list[str]]


@pytest.mark.parametrize("chunk", [1, 3, SAMPLES])
@pytest.mark.parametrize("name", FAST)
def test_fast(name: str, chunk: int, said: Said) -> None:
    make, shape = FAST[name]
    network, (inputs, targets) = built(make, shape), batch(shape)
    sizes: list[int] = []
    hook = network.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
    found = together(network, inputs, targets, chunk)
    hook.remove()
    assert said() == []
    assert sizes == [len(part) for part in inputs.split(chunk)]
    close(found, one_by_one(network, inputs, targets))


def close(found: list[list[Tensor]], expected: list[list[Tensor]]) -> None:
    assert any(row.any() for rows in expected for row in rows)
    for some, others in zip(found, expected, strict=True):
        torch.testing.assert_close(torch.stack(some), torch.stack(others), rtol=1e-9, atol=1e-13)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("name", SLOW)
def test_what_is_not_known_is_slow_and_right(name: str, said: Said) -> None:
    make, shape = SLOW[name]
    network, (inputs, targets) = built(make, shape), batch(shape)
    for chunk in (3, SAMPLES):
        close(together(network, inputs, targets, chunk), one_by_one(network, inputs, targets))
    (message,) = said()  # and once
    assert message.startswith("samples are passed one by one, which is right but slow: ")


@pytest.mark.parametrize("name", ["multi-head", "multi-head, second", "encoder", "attention"])
def test_jacobians_through_attention(name: str, said: Said) -> None:
    make, shape = FAST[name]
    network, (inputs, _) = built(make, shape).eval(), batch(shape)
    parameters = list(network.parameters())
    expected = [
        torch.stack([row.flatten()[0] for row in gradients])
        for x in inputs.split(1)
        for output in network(x)[0]
        for gradients in [torch.autograd.grad(output, parameters, retain_graph=True)]
    ]
    _, found = output_jacobian(network, inputs, parameters, chunk=3)
    assert said() == []
    assert found.any()
    torch.testing.assert_close(found.flatten(0, 1), torch.stack(expected), rtol=1e-9, atol=1e-13)


def test_each_reason_is_told_once(said: Said) -> None:
    for name in ("transposed", "batch mean", "transposed"):
        make, shape = SLOW[name]
        together(built(make, shape), *batch(shape), chunk=4)
    assert [message.split(": ")[1] for message in said()] == [
        "torch.nn.functional.conv_transpose2d uses a parameter in an unusual way",
        "torch.Tensor.mean may mix samples or move their dimension here",
    ]


def test_parameters_that_need_no_gradient_are_not_visited() -> None:
    network, (inputs, targets) = built(*FAST["transformer"]), batch(FAST["transformer"][1])
    names = ["before.weight", "through.layer.block.norm1.bias", "through.layer.token"]
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name in names)
    expected = {
        name: [
            torch.autograd.grad(functional.cross_entropy(network(x), y), parameter)[0]
            for x, y in zip(inputs.split(1), targets.split(1), strict=True)
        ]
        for name, parameter in network.named_parameters()
        if parameter.requires_grad
    }
    found = together(network, inputs, targets, 3)
    rows = dict(zip((name for name, _ in network.named_parameters()), found, strict=True))
    close([rows[name] for name in names], [expected[name] for name in names])


@pytest.mark.parametrize("name", [*FAST, "transposed", "batch mean"])
def test_gradsign_of_all_parameters(name: str) -> None:
    make, shape = {**FAST, **SLOW}[name]
    network, (inputs, targets) = built(make, shape), batch(shape)
    expected = sum(
        float(torch.stack(rows).sign().sum(0).abs().sum())
        for rows in one_by_one(network, inputs, targets)
    )
    score = nas.proxy("gradsign", parameters="all", chunk=3).score(network, inputs, targets)
    # The bias of attention's keys changes nothing: its gradients are noise, and noise has signs.
    noisy = any(word in name for word in ("attention", "multi-head", "encoder", "transformer"))
    assert score == pytest.approx(expected, rel=0.05 if noisy else 0)


def test_gradsign_of_networks_without_layers() -> None:
    network = Through(nn.Embedding(VOCABULARY, 8)).double()
    with pytest.raises(nas.NotApplicableError, match=r"no nn\.Conv2d or nn\.Linear weight"):
        nas.proxy("gradsign").score(network, *batch(()))
    assert nas.proxy("gradsign", parameters="all").score(network, *batch(())) > 0
    with pytest.raises(nas.NotApplicableError, match="no parameter"):
        nas.proxy("gradsign", parameters="all").score(Through(nn.Tanh()), *batch((8,)))
    with pytest.raises(nas.ComponentError, match="parameters must be one of"):
        nas.proxy("gradsign", parameters="some")
