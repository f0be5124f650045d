"""Each proxy against its definition, written out slowly, in float64."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

import nas

SHAPE = (3, 7, 6)


class Small(nn.Module):
    """Two convolutions, a layer that is called twice, and one that leads nowhere."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2)
        self.norm = nn.BatchNorm2d(4)
        self.again = nn.Conv2d(4, 4, 3, padding=1, groups=2, bias=False)
        self.act = nn.ReLU(inplace=True)
        self.nowhere = nn.Linear(4, 4)
        self.last = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm(self.first(x)))
        x = torch.relu(self.again(x)) + self.again(x)
        F.relu(self.nowhere(x.mean((2, 3))))
        output: Tensor = self.last(x.mean((2, 3)))
        return output


class Tokens(nn.Module):
    """Linear layers on ``(samples, positions, features)``."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(6, 5)
        self.last = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.last(F.relu(self.inside(x.flatten(1, 2))).mean(1))
        return output


def network(kind: type[nn.Module] = Small) -> nn.Module:
    torch.manual_seed(3)
    return kind().double()


def batch(samples: int = 8) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(samples, *SHAPE, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(3, (samples,), generator=generator)


def loss_of(outputs: Tensor, targets: Tensor) -> Tensor:
    """Sample by sample: of a class, or of numbers."""
    losses = []
    for row, target in zip(outputs, targets, strict=True):
        if targets.is_floating_point():
            losses.append(((row - target) ** 2).sum() / len(row))
        else:
            losses.append(row.exp().sum().log() - row[target])
    return torch.stack(losses).mean()


def layers(net: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    return [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]


def gradients(net: nn.Module, inputs: Tensor, targets: Tensor) -> list[Tensor]:
    net.zero_grad()
    loss_of(net(inputs), targets).backward()
    return [
        torch.zeros_like(layer.weight) if layer.weight.grad is None else layer.weight.grad.clone()
        for layer in layers(net)
    ]


def grad_norm(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    return sum(float(g.pow(2).sum().sqrt()) for g in gradients(net, inputs, targets))


def snip(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    found = gradients(net, inputs, targets)
    return sum(
        float((g * m.weight.detach()).abs().sum()) for g, m in zip(found, layers(net), strict=True)
    )


def plain(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    found = gradients(net, inputs, targets)
    return sum(
        float((g * m.weight.detach()).sum()) for g, m in zip(found, layers(net), strict=True)
    )


def grasp(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """The Hessian as a matrix."""
    names = [f"{n}.weight" for n, m in net.named_modules() if m in layers(net)]
    weights = [dict(net.named_parameters())[name] for name in names]
    flat = torch.cat([w.detach().flatten() for w in weights])

    def loss(values: Tensor) -> Tensor:
        parts = values.split([w.numel() for w in weights])
        changed = {n: p.view_as(w) for n, p, w in zip(names, parts, weights, strict=True)}
        return loss_of(torch.func.functional_call(net, changed, (inputs,)), targets)

    gradient = torch.autograd.functional.jacobian(loss, flat)
    hessian = torch.autograd.functional.hessian(loss, flat)
    return -float((flat * (hessian @ gradient)).sum())


def fisher(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """Loops over calls, samples and channels."""
    calls: list[tuple[nn.Conv2d | nn.Linear, Tensor]] = []
    for layer in layers(net):
        layer.register_forward_hook(lambda m, i, o: (o.retain_grad(), calls.append((m, o)))[1])
    loss_of(net(inputs), targets).backward()
    total = 0.0
    for layer, output in calls:
        if output.grad is None:
            continue
        axis = 1 if isinstance(layer, nn.Conv2d) else -1
        for channel in range(output.shape[axis]):
            product = (output * output.grad).detach().select(axis, channel).reshape(len(inputs), -1)
            squares = [float(product[n].sum()) ** 2 for n in range(len(inputs))]
            total += 0.5 * sum(squares) / len(inputs) * layer.weight[channel].numel()
    return total


def l2_norm(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    return sum(math.sqrt(sum(w * w for w in m.weight.flatten().tolist())) for m in layers(net))


def jacobian(net: nn.Module, inputs: Tensor) -> np.ndarray:
    inputs = inputs.clone().requires_grad_(True)
    net(inputs).sum().backward()
    assert inputs.grad is not None
    return inputs.grad.flatten(1).numpy()


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / math.sqrt((a * a).sum() * (b * b).sum()))


def jacov(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    rows = jacobian(net, inputs)
    values = np.linalg.eigvals([[correlation(a, b) for b in rows] for a in rows]).real
    return -sum(math.log(v + 1e-5) + 1 / (v + 1e-5) for v in values)


def epe_nas(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    rows, total = jacobian(net, inputs), 0.0
    for label in set(targets.tolist()):
        mine = [row for row, target in zip(rows, targets.tolist(), strict=True) if target == label]
        total += abs(sum(math.log(abs(correlation(a, b)) + 1e-5) for a in mine for b in mine))
    return total


def naswot(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    """``Small`` written out: the ReLU that leads nowhere does not count."""
    assert isinstance(net, Small)
    before = net.norm(net.first(inputs))
    after = net.again(F.relu(before))
    codes = torch.cat([before.flatten(1) > 0, after.flatten(1) > 0], dim=1).tolist()
    alike = [[sum(x == y for x, y in zip(a, b, strict=True)) for b in codes] for a in codes]
    return math.log(abs(np.linalg.det(np.array(alike, dtype=float))))


def synflow(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    net = copy.deepcopy(net)
    net.norm = nn.Identity()  # type: ignore[assignment]
    for parameter in net.parameters():
        parameter.data.abs_()
    net(torch.ones((1, *SHAPE), dtype=torch.float64)).sum().backward()
    found = [(m.weight, m.weight.grad) for m in layers(net)]
    return sum(float((w.detach() * g).abs().sum()) for w, g in found if g is not None)


def zico(net: nn.Module, inputs: Tensor, targets: Tensor) -> float:
    half = len(inputs) // 2
    first = gradients(net, inputs[:half], targets[:half])
    second = gradients(net, inputs[half:], targets[half:])
    total = 0.0
    for a, b in zip(first, second, strict=True):
        pairs = zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)
        ratios = [np.mean(np.abs(p)) / np.std(p) for p in pairs if np.std(p) > 0]
        total += math.log(sum(ratios)) if ratios else 0.0
    return total


ORACLES = {
    f.__name__: f
    for f in (
        *(grad_norm, snip, plain, grasp, fisher, l2_norm),
        *(jacov, epe_nas, naswot, synflow, zico),
    )
}


@pytest.mark.parametrize("name", ORACLES)
def test_it_is_its_definition(name: str) -> None:
    inputs, targets = batch()
    expected = ORACLES[name](network(), inputs, targets)
    assert nas.proxy(name).score(network(), inputs, targets) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["grad_norm", "snip", "plain", "grasp", "fisher", "zico"])
@pytest.mark.parametrize("outputs", [3, 1])
def test_it_is_its_definition_for_numbers(name: str, outputs: int) -> None:
    """As many as the network returns; of one, without an axis of its own as well."""

    def regressor() -> nn.Module:
        net = network()
        net.last = nn.Linear(4, outputs).double()
        with torch.no_grad():
            net.last.weight.copy_(torch.linspace(-1, 2, 4 * outputs).reshape(outputs, 4))
            net.last.bias.fill_(0.5)
        return net

    inputs, _ = batch()
    targets = torch.randn(8, outputs, generator=torch.Generator().manual_seed(1))
    expected = ORACLES[name](regressor(), inputs, targets.double())
    proxy = nas.proxy(name)
    assert proxy.score(regressor(), inputs, targets) == pytest.approx(expected, rel=1e-9)
    if outputs == 1:
        flat = proxy.score(regressor(), inputs, targets[:, 0])
        assert flat == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["grad_norm", "snip", "fisher", "grasp", "zico"])
def test_linear_layers_on_sequences(name: str) -> None:
    inputs, targets = batch()
    expected = ORACLES[name](network(Tokens), inputs, targets)
    found = nas.proxy(name).score(network(Tokens), inputs, targets)
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ORACLES)
def test_twice_the_same(name: str) -> None:
    inputs, targets = batch()
    net, proxy = network(), nas.proxy(name)
    assert proxy.score(net, inputs, targets) == proxy.score(net, inputs, targets)
