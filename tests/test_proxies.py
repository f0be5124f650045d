"""What proxies measure, refuse, and cost: GradSign, and the counts it has to beat."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

import nas


def batch(dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(5, 3, 7, 6, generator=generator, dtype=torch.float64)
    return inputs.to(dtype), torch.randint(4, (5,), generator=generator)


class Centred(nn.Module):
    """Lets samples meet, so that they are passed one by one."""

    def forward(self, x: Tensor) -> Tensor:
        return x - 0.5 * x.mean(0, keepdim=True)


def head(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 4))


def test_gradsign_by_hand() -> None:
    """All logits are 0, so each gradient is (1/2 - [target is k]) x_d; the last one's x_0 is 0.

    Signs of row 0: (-,-), (-,+), (0,+); row 1 is the opposite. Votes: -2 and 1, 2 and -1.
    """
    network = nn.Linear(2, 2)
    nn.init.zeros_(network.weight)
    nn.init.zeros_(network.bias)
    inputs = torch.tensor([[1.0, 1.0], [1.0, -1.0], [0.0, 2.0]])
    score = nas.proxy("gradsign").score(network, inputs, torch.tensor([0, 0, 1]))
    assert score == 6.0


def test_a_sum_over_weights_not_a_mean() -> None:
    """A twin whose hidden layer is doubled has about twice the score."""
    torch.manual_seed(0)
    inputs, targets = batch()
    narrow, wide = (
        nn.Sequential(nn.Flatten(), nn.Linear(126, w), nn.Tanh(), nn.Linear(w, 4)).double()
        for w in (50, 100)
    )
    gradsign = nas.proxy("gradsign")
    ratio = gradsign.score(wide, inputs, targets) / gradsign.score(narrow, inputs, targets)
    assert 1.8 < ratio < 2.2


@pytest.mark.parametrize("statistics", [True, False])
def test_batch_norm_of_single_values_has_no_meaning(statistics: bool) -> None:
    norm = nn.BatchNorm1d(8, track_running_stats=statistics)
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(126, 8), nn.Sequential(norm), nn.Linear(8, 4))
    with pytest.raises(nas.NotApplicableError, match=r"'2.0' \(BatchNorm1d\) sees \(8,\) of one s"):
        nas.proxy("gradsign").score(mlp.double(), *batch())
    pooled = nn.Sequential(
        Centred(), nn.Conv2d(3, 8, 1), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(8), head(8)
    )
    with pytest.raises(nas.NotApplicableError, match=r"'3' \(BatchNorm2d\) sees \(8, 1, 1\)"):
        nas.proxy("gradsign").score(pooled.double(), *batch())


class Root(nn.Module):
    """The gradient at 0 is infinite, times 0."""

    def forward(self, x: Tensor) -> Tensor:
        return x + (x * 0.0).sqrt() * 0.0


@pytest.mark.parametrize("mixing", [False, True])
def test_nan_is_an_error_not_a_score(mixing: bool) -> None:
    rest = [Centred(), head(3)] if mixing else [head(3)]
    rooted = nn.Sequential(nn.Conv2d(3, 3, 1), Root(), *rest).double()
    with pytest.raises(nas.NonFiniteError, match="gradient"):
        nas.proxy("gradsign").score(rooted, *batch())
    conv = nn.Conv2d(3, 3, 1).double()
    nn.init.constant_(conv.weight, 1e308)
    huge = nn.Sequential(conv, *rest).double()
    with pytest.raises(nas.NonFiniteError, match="loss"):
        nas.proxy("gradsign").score(huge, *batch())


class Twice(nn.Linear):
    def forward(self, input: Tensor) -> object:  # noqa: A002  torch's name for it
        return (super().forward(input),) * 2


@pytest.mark.parametrize(
    ("network", "why"),
    [
        (nn.Sequential(nn.Flatten(), nn.LayerNorm(126)), "no nn.Conv2d or nn.Linear"),
        (nn.Sequential(nn.Flatten(), Twice(126, 4)), "returns a tuple"),
        (nn.Conv2d(3, 4, 1), r"turns 5 samples into \(5, 4, 7, 6\)"),
        (nn.Sequential(nn.Flatten(), nn.LazyLinear(4)), r"'1' \(LazyLinear\) has no shape"),
    ],
)
def test_gradsign_says_why_it_does_not_apply(network: nn.Module, why: str) -> None:
    with pytest.raises(nas.NotApplicableError, match=why):
        nas.proxy("gradsign").score(network.double(), *batch())


def test_gradsign_refuses_bad_input() -> None:
    network, (inputs, targets) = head(3).double(), batch()
    with pytest.raises(ValueError, match="5 inputs and 4 targets"):
        nas.proxy("gradsign").score(network, inputs, targets[:4])
    with pytest.raises(ValueError, match="0 inputs"):
        nas.proxy("gradsign").score(network, inputs[:0], targets[:0])
    with pytest.raises(
        nas.ComponentError, match="chunk must be a whole number of at least 1, not 0"
    ):
        nas.proxy("gradsign", chunk=0)


def test_the_callers_grad_mode_does_not_matter() -> None:
    conv = nn.Conv2d(3, 6, 3)
    network, (inputs, targets) = nn.Sequential(conv, nn.ReLU(), head(6)).double(), batch()
    score = nas.proxy("gradsign").score(network.eval(), inputs, targets)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            assert nas.proxy("gradsign").score(network, inputs, targets) == score
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    assert nas.proxy("gradsign").score(network, inputs, targets) == 0.0


def test_counts_of_a_network() -> None:
    """A multiply-add is 2: one for each of 504 linear weights, 81 for each of 7x6 pixels."""
    network = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Flatten())
    network.append(nn.Linear(126, 4))
    inputs, targets = batch(torch.float32)
    sizes: list[int] = []
    network.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    assert nas.proxy("params").score(network, inputs, targets) == 81 + 3 + 6 + 504 + 4
    assert sizes == []
    assert nas.proxy("flops").score(network, inputs, targets) == 2 * (81 * 42 + 504)
    assert all(not value.is_meta for value in network.state_dict().values())


def test_nothing_is_imported_before_it_is_used() -> None:
    code = "import nas_proxies.gradsign, nas_proxies.counts, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
