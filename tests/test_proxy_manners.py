"""Manners of built-in proxies beyond the laws of ``nas.testing``: what they do not look at."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import nas
from nas.plugins import Plugins
from nas.testing.networks import batch
from nas.testing.networks import convolutional as network
from nas.testing.state import state_of

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


def scored(proxy: nas.Proxy, net: nn.Module, inputs: Tensor, targets: Tensor) -> Scored:
    """Return the score, or what was raised: it must be an error of the candidate."""
    torch.manual_seed(7)
    try:
        found = proxy.score(net, inputs, targets)
    except nas.CandidateError as error:
        return type(error), str(error)
    assert math.isfinite(found)
    return found


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
def test_what_batch_norm_saw_before_does_not_count(name: str) -> None:
    proxy, net, (inputs, targets) = PROXIES[name], network(), batch()
    first = scored(proxy, net, inputs, targets)
    net.train()
    with torch.no_grad():
        net(inputs * 2 + 3)
    assert scored(proxy, net, inputs, targets) == first


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
