"""What training is made of: steps as plain PyTorch takes them, schedules, crops and flips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas_evaluators.augment import augmented, cropped, mirrored
from nas_evaluators.schedule import constant, cosine, one_cycle

EPOCHS = 5


class Linear(nas.Space):
    """One linear layer on a table of five features."""

    input_shape, classes = (5,), 3

    @property
    def decisions(self) -> Sequence[nas.Categorical]:
        return (nas.Categorical("bias", (True,)),)

    def build(self, architecture: nas.Architecture) -> torch.nn.Module:
        return torch.nn.Linear(5, 3)


def table(samples: int, seed: int) -> nas.Split:
    rng = np.random.default_rng(seed)
    inputs = rng.normal(3, 2, (samples, 5)).astype(np.float32)
    return nas.Split(inputs, (inputs.sum(1) * 0.7).astype(np.int64) % 3)


TRAIN, VALIDATION = table(40, 0), table(20, 1)
TASK = nas.Task(
    Linear(),
    nas.Architecture({"bias": True}),
    nas.SearchData(TRAIN, VALIDATION, 3, "fixed"),
    None,
    seed=3,
)


def plainly(
    make: Any, *, peak: float, rates: Sequence[float], smoothing: float = 0.0, clip: float = 1e9
) -> tuple[torch.nn.Module, list[float]]:
    """Train on all samples at once, with loops and classes of PyTorch's own."""
    torch.manual_seed(TASK.seed)
    network = torch.nn.Linear(5, 3)
    optimizer = make(network.parameters())
    x = torch.tensor((TRAIN.inputs - TRAIN.inputs.mean(0)) / TRAIN.inputs.std(0))
    y, losses = torch.tensor(TRAIN.targets), []
    for rate in rates:
        optimizer.param_groups[0]["lr"] = peak * rate
        logs = network(x).log_softmax(1)
        hard, soft = -logs[range(len(y)), y].mean(), -logs.mean()
        loss = (1 - smoothing) * hard + smoothing * soft
        optimizer.zero_grad()
        loss.backward()
        norm = sum(float((p.grad**2).sum()) for p in network.parameters()) ** 0.5
        for parameter in network.parameters():
            parameter.grad *= min(1.0, clip / norm)
        optimizer.step()
        losses.append(loss.item())
    return network, losses


def cosines() -> list[float]:
    return [cosine(k / EPOCHS) for k in range(EPOCHS)]


@pytest.mark.parametrize(
    ("recipe", "oracle"),
    [
        (
            {"optimizer": "sgd", "schedule": "constant"},
            {"make": lambda p: torch.optim.SGD(p, momentum=0.9, weight_decay=5e-4), "peak": 0.1},
        ),
        (
            {
                "optimizer": "sgd",
                "schedule": "cosine",
                "lr": 0.3,
                "momentum": 0.5,
                "nesterov": True,
                "weight_decay": 0.01,
            },
            {
                "make": lambda p: torch.optim.SGD(
                    p, momentum=0.5, nesterov=True, weight_decay=0.01
                ),
                "peak": 0.3,
                "rates": cosines(),
            },
        ),
        (
            {"optimizer": "adamw", "schedule": "constant", "label_smoothing": 0.2},
            {
                "make": lambda p: torch.optim.AdamW(p, weight_decay=0.01),
                "peak": 5e-3,
                "smoothing": 0.2,
            },
        ),
        (
            {"optimizer": "sgd", "schedule": "constant", "clip_norm": 0.05, "momentum": 0},
            {
                "make": lambda p: torch.optim.SGD(p, weight_decay=5e-4),
                "peak": 0.1,
                "clip": 0.05,
            },
        ),
    ],
)
def test_steps_are_those_of_a_plain_loop(recipe: Any, oracle: Any) -> None:
    curve: list[float] = []
    trained = nas.evaluator("train", epochs=EPOCHS, batch_size=64, **recipe).evaluate(
        TASK, lambda step, metrics, snapshot: curve.append(metrics["train_loss"])
    )
    network, losses = plainly(**{"rates": [1.0] * EPOCHS, **oracle})
    np.testing.assert_allclose(curve, losses, rtol=1e-4)
    torch.testing.assert_close(trained.network.network.weight, network.weight, rtol=1e-4, atol=1e-5)
    x = torch.tensor((VALIDATION.inputs - TRAIN.inputs.mean(0)) / TRAIN.inputs.std(0))
    logits, y = network(x), torch.tensor(VALIDATION.targets)
    loss = torch.nn.functional.cross_entropy(logits, y).item()
    assert trained.metrics["loss"] == pytest.approx(loss, rel=1e-4)
    assert trained.metrics["error"] == pytest.approx((logits.argmax(1) != y).float().mean().item())


def rates_of(scheduler: Any, steps: int, **parameters: Any) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, rates = scheduler(optimizer, **parameters), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def test_cosine_is_pytorchs() -> None:
    theirs = rates_of(torch.optim.lr_scheduler.CosineAnnealingLR, 50, T_max=50)
    np.testing.assert_allclose([cosine(k / 50) for k in range(50)], theirs, atol=1e-12)


def test_one_cycle_tends_to_pytorchs() -> None:
    steps = 3000
    theirs = rates_of(torch.optim.lr_scheduler.OneCycleLR, steps, max_lr=1.0, total_steps=steps)
    np.testing.assert_allclose([one_cycle(k / steps) for k in range(steps)], theirs, atol=3e-3)


def test_one_cycle_rises_then_falls_and_constant_stays() -> None:
    rates = [one_cycle(k / 1000) for k in range(1000)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[300] == 1 == max(rates)
    assert rates[:301] == sorted(rates[:301])
    assert rates[300:] == sorted(rates[300:], reverse=True)
    assert 0 < rates[-1] < 1e-4
    assert {constant(k / 10) for k in range(10)} == {1.0}


pictures = st.tuples(*(st.integers(1, 4),) * 4, st.integers(1, 3), st.integers(0, 9))


@settings(max_examples=40, deadline=None)
@given(pictures)
def test_crops_and_flips_as_a_loop_does_them(case: tuple[int, ...]) -> None:
    *shape, padding, seed = case
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(1, 256, tuple(shape), generator=generator).to(torch.uint8)
    corners = torch.randint(2 * padding + 1, (2, shape[0]), generator=generator)
    chosen = torch.rand(shape[0], generator=generator) < 0.5
    out = mirrored(cropped(images, padding, corners), chosen)
    assert (out.dtype, out.shape) == (images.dtype, images.shape)
    for n, c, h, w in np.ndindex(*shape):
        column = shape[3] - 1 - w if chosen[n] else w
        row = h + int(corners[0, n]) - padding
        column += int(corners[1, n]) - padding
        inside = 0 <= row < shape[2] and 0 <= column < shape[3]
        assert out[n, c, h, w] == (images[n, c, row, column] if inside else 0)


def test_every_window_and_both_sides_are_drawn_and_nothing_global_is() -> None:
    images = torch.tensor([[[[1, 2]]]], dtype=torch.uint8).expand(600, 1, 1, 2)
    before = torch.get_rng_state()
    out = augmented(
        images, padding=1, flip=True, generator=torch.Generator().manual_seed(0)
    ).flatten(1)
    assert torch.equal(torch.get_rng_state(), before)
    seen = {tuple(row) for row in out.tolist()}
    assert seen == {(0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2), (0, 0)}
    only = augmented(images, padding=0, flip=True, generator=torch.Generator().manual_seed(0))
    assert 200 < int((only[:, 0, 0, 0] == 2).sum()) < 400
    same = augmented(images, padding=0, flip=False, generator=torch.Generator())
    assert torch.equal(same, images)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, not 0"),
        ({"epochs": True}, "epochs must be a whole number"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2"),
        ({"optimizer": "adam"}, "one of adamw, sgd, not 'adam'. Did you mean 'adamw'?"),
        ({"schedule": "onecycle"}, "Did you mean 'one_cycle'?"),
        ({"lr": 0}, "lr must be a finite number above 0, not 0"),
        ({"lr": "fast"}, "lr must be a finite number above 0, not 'fast'"),
        ({"lr": float("nan")}, "lr must be a finite number"),
        ({"lr": float("inf")}, "lr must be a finite number"),
        ({"weight_decay": -1}, "weight_decay must be a finite number of at least 0"),
        ({"label_smoothing": 1}, "label_smoothing must be a finite number of at least 0 and"),
        ({"crop": -1}, "crop must be a whole number of at least 0"),
        ({"flip": 1}, "flip must be true or false, not 1"),
        ({"clip_norm": 0}, "clip_norm must be a finite number above 0"),
        ({"momentum": 0.9}, "momentum and nesterov belong to sgd, not to adamw"),
        ({"optimizer": "sgd", "momentum": 1}, "momentum must be a finite number"),
        ({"optimizer": "sgd", "momentum": 0, "nesterov": True}, "nesterov needs a momentum"),
        ({"cpus": -1}, "cpus must be a finite number of at least 0"),
        ({"gpus": "all"}, "gpus must be a finite number of at least 0, not 'all'"),
        ({"epoch": 3}, "Did you mean 'epochs'?"),
    ],
)
def test_refuses_parameters(recipe: dict[str, Any], message: str) -> None:
    with pytest.raises(nas.ComponentError) as caught:
        nas.evaluator("train", **recipe)
    assert message in str(caught.value)
