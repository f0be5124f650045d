"""Manners of every built-in proxy: leaves everything as it was, and never invents a number."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import nas
from nas.plugins import Plugins

BUILT = {
    item.component.name: item.component.build()
    for item in Plugins(disabled=()).registry("proxy")
    if item.distribution == "plugnas"
}
PROXIES: dict[str, nas.Proxy] = {n: p for n, p in BUILT.items() if isinstance(p, nas.Proxy)}
AGGREGATES: dict[str, nas.Aggregate] = {
    n: a for n, a in BUILT.items() if isinstance(a, nas.Aggregate)
}
DRAW_WEIGHTS = {
    *("swap", "zen", "linear_regions", "ntk_condition", "ntk_trace", "vkdnw"),
    *("az_expressivity", "az_progressivity", "az_trainability"),
}
COUNTS = {"params", "flops"}
Scored = float | tuple[type, str]

every = pytest.mark.parametrize("name", PROXIES)


class Block(nn.Module):
    """A residual block with one of everything that a proxy may be tempted to change."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
        self.norm = nn.BatchNorm2d(outputs)
        self.drop = nn.Dropout(0.1)
        self.register_buffer("hidden", torch.ones(3), persistent=False)
        self.seen: list[int] = [1]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(F.relu(self.norm(self.conv(x))))
        return out


def network(last: nn.Module | None = None) -> nn.Sequential:
    """Return a network that every proxy has a score for, in a mixed state."""
    torch.manual_seed(0)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), last or nn.Linear(5, 4))
    net = nn.Sequential(Block(3, 6, 1), Block(6, 5, 2), Block(5, 5, 1), *head)
    net[1].norm.eval()
    net[0].conv.bias.requires_grad_(False)
    net[2].conv.bias.grad = torch.rand(5)
    net[1].register_forward_hook(lambda *_: None)
    net[0].conv.weight.register_hook(lambda grad: grad)
    return net


def batch(samples: int = 12) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(samples, 3, 8, 8, generator=generator)
    return inputs, torch.arange(samples) % 4


def scored(proxy: nas.Proxy, net: nn.Module, inputs: Tensor, targets: Tensor) -> Scored:
    """Return the score, or what was raised: it must be an error of the candidate."""
    torch.manual_seed(7)
    try:
        found = proxy.score(net, inputs, targets)
    except nas.CandidateError as error:
        return type(error), str(error)
    assert math.isfinite(found)
    return found


def state_of(net: nn.Module) -> list[object]:
    """Return what can be seen of a network, the random states and torch's flags."""
    seen: list[object] = [torch.get_rng_state().tolist(), random.getstate()]
    seen += [np.random.get_state()[1].tolist(), torch.get_default_dtype(), torch.get_num_threads()]
    seen += [torch.is_grad_enabled(), torch.are_deterministic_algorithms_enabled()]
    seen += [torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu")]
    seen += [torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic]
    for name, module in net.named_modules():
        seen += [name, id(module), type(module), module.training]
        for key, value in module.__dict__.items():
            seen += [key, id(value)]
            seen += [(k, id(v)) for k, v in value.items()] if isinstance(value, dict) else []
            seen += value if isinstance(value, list) else []
    for tensor in (*net.parameters(), *net.buffers()):
        grad = None if tensor.grad is None else (id(tensor.grad), tensor.grad.tolist())
        seen += [tensor.dtype, tensor.data_ptr(), tensor.tolist(), tensor.requires_grad, grad]
        seen += [tensor.is_leaf, list(tensor._backward_hooks or ())]
    return seen


@every
def test_it_says_what_it_is(name: str) -> None:
    proxy = PROXIES[name]
    assert proxy.formula
    assert "\n" not in proxy.formula
    assert proxy.applies_to
    assert proxy.cost >= 0
    assert (proxy.cost == 0) == (name in {*COUNTS, "l2_norm"})
    assert proxy.needs_data or not proxy.needs_targets
    assert proxy.batch >= 1


@every
def test_it_leaves_no_trace(name: str) -> None:
    net, (inputs, targets) = network(), batch()
    given = inputs.clone(), targets.clone()
    before = state_of(net)
    assert math.isfinite(PROXIES[name].score(net, inputs, targets))
    assert state_of(net) == before
    assert all(map(torch.equal, (inputs, targets), given))


class Fails(nn.Linear):
    """On the way there or back."""

    def __init__(self, back: bool) -> None:
        super().__init__(5, 4)
        self.back = back

    def forward(self, x: Tensor) -> Tensor:
        if not self.back:
            raise KeyError("on purpose")
        output = super().forward(x) + random.random() + np.random.rand()
        if output.requires_grad:
            output.register_hook(self._fail)
        return output

    def _fail(self, gradient: Tensor) -> Tensor:
        raise KeyError("on purpose")


@every
@pytest.mark.parametrize("back", [False, True])
def test_it_leaves_no_trace_when_it_fails(name: str, back: bool) -> None:
    net, (inputs, targets) = network(Fails(back)), batch()
    before = state_of(net)
    with suppress(KeyError, nas.CandidateError):
        PROXIES[name].score(net, inputs, targets)
    assert state_of(net) == before


@every
def test_the_same_seed_gives_the_same_score(name: str) -> None:
    proxy, net = PROXIES[name], network()
    first = scored(proxy, net, *batch())
    torch.rand(5)
    assert scored(proxy, net, *batch()) == first
    assert scored(proxy, network(), *batch()) == first


@every
def test_what_batch_norm_saw_before_does_not_count(name: str) -> None:
    proxy, net, (inputs, targets) = PROXIES[name], network(), batch()
    first = scored(proxy, net, inputs, targets)
    net.train()
    with torch.no_grad():
        net(inputs * 2 + 3)
    assert scored(proxy, net, inputs, targets) == first


@every
def test_only_what_it_needs_counts(name: str) -> None:
    """And what it says it needs does count."""
    proxy, net, (inputs, targets) = PROXIES[name], network(), batch()
    first = scored(proxy, net, inputs, targets)
    of_classes = scored(proxy, net, inputs, targets.flip(0))
    of_numbers = scored(proxy, net, inputs, torch.rand(len(inputs), 4))
    assert (of_classes == first) == (not proxy.needs_targets)
    assert (of_numbers == first) == (not proxy.needs_targets)
    others = scored(proxy, net, inputs.flip(3) * 3 + 1, targets)
    assert (others == first) == (not proxy.needs_data)


@every
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_weight_that_is_no_number(name: str, value: float) -> None:
    proxy, net = PROXIES[name], network()
    first = scored(proxy, net, *batch())
    with torch.no_grad():
        net[1].conv.weight[2, 1, 0, 1] = value
    found = scored(proxy, net, *batch())
    assert (found == first) if name in DRAW_WEIGHTS | COUNTS else isinstance(found, tuple)


@every
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_input_that_is_no_number(name: str, value: float) -> None:
    proxy, net, (inputs, targets) = PROXIES[name], network(), batch()
    first = scored(proxy, net, inputs, targets)
    inputs[3] = value
    found = scored(proxy, net, inputs, targets)
    assert isinstance(found, tuple) if proxy.needs_data else found == first


def together(
    proxies: Sequence[nas.Proxy], net: nn.Module, inputs: Tensor, targets: Tensor
) -> list[Scored | KeyError]:
    torch.manual_seed(7)
    found = nas.score_together(proxies, net, inputs, targets)
    return [
        (type(one), str(one)) if isinstance(one, nas.CandidateError) else one  # type: ignore[misc]
        for one in found
    ]


class Breaks(nas.SharingProxy):
    """Shares what another does, looks at it, and fails."""

    share = type(PROXIES["snip"]).share  # type: ignore[attr-defined]

    def compute_from(self, shared: object) -> float:
        shared.gradients  # type: ignore[attr-defined]  # noqa: B018
        raise KeyError("on purpose")


@pytest.mark.parametrize("backwards", [False, True])
def test_together_each_gives_what_it_gives_alone(backwards: bool) -> None:
    net, (inputs, targets) = network(), batch(20)
    proxies = list(PROXIES.values())[:: -1 if backwards else 1]
    alone = [scored(p, net, inputs[: p.batch], targets[: p.batch]) for p in proxies]
    before = state_of(net)  # its random state is that of ``scored``
    assert together(proxies, net, inputs, targets) == alone
    assert state_of(net) == before
    broken = together([Breaks(), *proxies, Breaks()], net, inputs, targets)
    assert [type(one) for one in (broken[0], broken[-1])] == [KeyError, KeyError]
    assert broken[1:-1] == alone


@pytest.mark.parametrize("name", AGGREGATES)
def test_aggregates_combine_proxies_that_there_are(name: str) -> None:
    aggregate = AGGREGATES[name]
    assert set(aggregate.proxies) <= set(PROXIES)
    scores = [[1.0, 2.0, 3.0], [5.0, 5.0, 1.0], [0.0, math.nan, -1.0], [1, 3, 2], [3, 2, 1]]
    ranks = [[1, 2, 3], [2.5, 2.5, 1], [3, 1, 2], [1, 3, 2], [3, 2, 1]]
    count = len(aggregate.proxies)
    shares = np.array(ranks[:count]) / 3
    expected = shares.mean(0) if name == "te_nas" else np.log(shares).sum(0)
    assert aggregate.combine(scores[:count]) == pytest.approx(expected)
