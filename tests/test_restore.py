"""A network, the random state and torch's flags are left as they were, whatever a proxy does."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

import nas
from nas.restore import untouched


class Block(nn.Module):
    """Has one of everything that can be changed."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.drop = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)
        self.scale = nn.Parameter(torch.rand(4, 1, 1), requires_grad=False)
        self.register_buffer("counts", torch.zeros(2))
        self.register_buffer("hidden", torch.ones(3), persistent=False)
        self.constant = torch.arange(3.0)
        self.seen: list[int] = [1]
        self.cache: dict[str, int] = {}

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop(self.norm(self.conv(x))) * self.scale
        return out


def network() -> nn.Sequential:
    """Return a network in a mixed state: modes, frozen parameters, gradients, hooks."""
    torch.manual_seed(0)
    net = nn.Sequential(Block(), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    net[4].weight.register_hook(lambda grad: grad)
    net[0].conv.register_forward_hook(lambda *_: None)
    net[0].norm.eval()
    net[0].conv.bias.grad = torch.rand(4)
    return net


def state_of(net: nn.Module) -> list[object]:
    """Return everything there is to know, by identity and by value."""
    seen: list[object] = [torch.get_rng_state().tolist(), random.getstate()]
    seen += [np.random.get_state()[1].tolist(), torch.get_default_dtype(), torch.get_num_threads()]
    seen += [torch.is_grad_enabled(), torch.is_inference_mode_enabled()]
    seen += [torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic]
    for name, module in net.named_modules():
        seen += [name, id(module), type(module)]
        for key, value in module.__dict__.items():
            seen += [key, id(value), *_content(value)]
    return seen


def _content(value: object) -> Iterator[object]:
    if isinstance(value, Tensor):
        yield from (id(value), value.dtype, value.device, value.requires_grad, value.grad_fn)
        yield from () if value.is_meta else (value.data_ptr(), value.tolist())
        yield list(value._backward_hooks or ())
        yield list(value._post_accumulate_grad_hooks or ())
        if value.is_leaf:
            yield from _content(value.grad)
    elif isinstance(value, dict | OrderedDict):
        for key, item in value.items():
            yield from (key, id(item), *_content(item))
    elif isinstance(value, list | set | int | str):
        yield repr(value)


def train(net: nn.Module) -> None:
    """Do what every training step does: gradients, running statistics, dropout's draws."""
    net.train()
    net(torch.rand(4, 3, 6, 6)).sum().backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()


def freeze(net: nn.Module) -> None:
    for parameter in net.parameters():
        parameter.requires_grad_(not parameter.requires_grad)
        parameter.grad = None


def randomise(net: nn.Module) -> None:
    torch.rand(3), random.random(), np.random.rand(3)


def flags(net: nn.Module) -> None:
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(torch.get_num_threads() + 1)
    torch.backends.cudnn.benchmark = not torch.backends.cudnn.benchmark
    torch.backends.cudnn.deterministic = not torch.backends.cudnn.deterministic


def hook(net: nn.Module) -> None:
    for module in net.modules():
        module.register_forward_hook(lambda *_: None)
        module.register_forward_pre_hook(lambda *_: None, with_kwargs=True)
        module.register_full_backward_hook(lambda *_: None)
    for parameter in net.parameters():
        parameter.requires_grad_(True)
        parameter.register_hook(lambda grad: grad * 2)
        parameter.register_post_accumulate_grad_hook(lambda _: None)


def unhook(net: nn.Module) -> None:
    net[0].conv._forward_hooks.clear()
    net[4].weight._backward_hooks.clear()


def replace_forward(net: nn.Module) -> None:
    net[0].forward = lambda x: x
    net[0].norm.__class__ = nn.InstanceNorm2d


def replace_parts(net: nn.Module) -> None:
    net[0].conv.weight = nn.Parameter(torch.zeros(4, 3, 3, 3))
    net[0].norm = nn.Identity()
    net[0].counts = None
    del net[0].drop
    net.append(nn.Linear(2, 2))


def attributes(net: nn.Module) -> None:
    net[0].score = 3.0
    net[0].seen.append(2)
    net[0].cache["a"] = 1
    net[0].constant.add_(1)
    net[0].constant = torch.zeros(3)
    del net[4].in_features


def in_place(net: nn.Module) -> None:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.abs_()
    net[0].conv.bias.grad.zero_()
    net[0].hidden.fill_(float("nan"))


def swap_storage(net: nn.Module) -> None:
    for tensor in (*net.parameters(), *net.buffers()):
        tensor.data = torch.ones_like(tensor)


def track_buffers(net: nn.Module) -> None:
    net[0].counts.add_(net[4].bias)
    net[0].hidden.requires_grad_(True)


VANDALS: list[Callable[[nn.Module], object]] = [
    train,
    freeze,
    randomise,
    flags,
    hook,
    unhook,
    replace_forward,
    replace_parts,
    attributes,
    in_place,
    swap_storage,
    track_buffers,
    lambda net: net.double(),
    lambda net: net.to("meta"),
    lambda net: net.zero_grad(set_to_none=False),
    lambda net: net.eval(),
    lambda net: net.register_buffer("mask", torch.ones(1)),
    lambda net: parametrize.register_parametrization(net[4], "weight", nn.Tanh()),
    lambda net: nn.utils.parametrizations.weight_norm(net[0].conv),
]


@pytest.fixture(autouse=True)
def _flags_of_this_process() -> Iterator[None]:
    threads = torch.get_num_threads()
    dtype, cudnn = torch.get_default_dtype(), torch.backends.cudnn
    benchmark, deterministic = cudnn.benchmark, cudnn.deterministic
    yield
    torch.set_grad_enabled(True)
    torch.set_default_dtype(dtype)
    torch.set_num_threads(threads)
    cudnn.benchmark, cudnn.deterministic = benchmark, deterministic


@pytest.mark.parametrize("vandal", VANDALS)
def test_each_vandal_does_harm(vandal: Callable[[nn.Module], object]) -> None:
    """Or the tests below could not fail."""
    net = network()
    before = state_of(net)
    vandal(net)
    assert state_of(net) != before


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("vandal", VANDALS)
def test_everything_comes_back(vandal: Callable[[nn.Module], object], raises: bool) -> None:
    class Vandal(nas.Proxy):
        def compute(self, network: nn.Module, inputs: Tensor, targets: Tensor) -> float:
            assert all(module.training for module in network.modules())
            vandal(network)
            if raises:
                raise KeyError("on purpose")
            return 1.0

    net = network()
    before = state_of(net)
    nothing = torch.empty(0)
    with pytest.raises(KeyError) if raises else nullcontext():
        assert Vandal().score(net, nothing, nothing) == 1.0
    assert state_of(net) == before


def test_all_vandals_after_one_another() -> None:
    net = network()
    before = state_of(net)
    with untouched(net):
        for vandal in VANDALS:
            with suppress(Exception):
                vandal(net)
    assert state_of(net) == before


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_are_recorded_whatever_the_caller_does(mode: Callable[[], object]) -> None:
    net = network()
    with mode():  # type: ignore[attr-defined]
        before = state_of(net)
        with untouched(net):
            assert torch.is_grad_enabled()
            train(net)
        assert state_of(net) == before


def test_nested() -> None:
    net = network()
    before = state_of(net)
    with untouched(net):
        train(net)
        within = state_of(net)
        with untouched(net):
            swap_storage(net)
        assert state_of(net) == within
    assert state_of(net) == before


def test_shared_and_meta_tensors() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[1].weight = net[0].weight
    for candidate in (net, nn.Sequential(nn.Linear(2, 2, device="meta"))):
        weight = candidate[0].weight
        with untouched(candidate):
            candidate.double()
        assert candidate[0].weight is weight
        assert weight.dtype == torch.float32
    assert net[1].weight is net[0].weight


def test_a_lazy_layer_cannot_be_put_back() -> None:
    net = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    with (
        pytest.raises(nas.NotApplicableError, match=r"'1' \(LazyLinear\).*one sample"),
        untouched(net),
    ):
        pass


@pytest.mark.parametrize("name", ["gradsign", "params", "flops"])
@pytest.mark.parametrize("odd", [False, True])
def test_built_in_proxies_leave_no_trace(name: str, odd: bool) -> None:
    """Odd: samples are passed one by one, with dropout's draws and real batch statistics."""
    net = network()
    if not odd:
        net[0].drop = nn.Identity()
    inputs, targets = torch.rand(5, 3, 6, 6), torch.tensor([0, 1, 0, 1, 1])
    before = state_of(net)
    assert nas.proxy(name).score(net, inputs, targets) > 0
    assert state_of(net) == before
