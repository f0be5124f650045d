"""Objectives: direction, unit, counts that execute nothing, and latency with its protocol."""

from __future__ import annotations

import csv
import gzip
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import accumulate, chain
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import nas
from nas.networks import build_on_meta, flop_count, parameter_count

TABLE = Path(__file__).parents[2] / "shared" / "data" / "nb201_cifar10.csv.gz"


class Single(nas.Space):
    """A space of one network."""

    input_shape = (3, 8, 8)
    classes = 4

    def __init__(self, make: Callable[[], nn.Module]) -> None:
        self.make = make

    @property
    def decisions(self) -> Sequence[nas.Integer]:
        return [nas.Integer("only", 0, 0)]

    def build(self, architecture: nas.Architecture) -> nn.Module:
        return self.make()


def analytic(name: str, make: Callable[[], nn.Module]) -> float:
    objective, space = nas.objective(name), Single(make)
    assert isinstance(objective, nas.AnalyticObjective)
    return objective.estimate(space, space.architecture({"only": 0}))


def convnet() -> nn.Module:
    block = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, groups=3), nn.BatchNorm2d(6), nn.ReLU())
    return nn.Sequential(
        block, nn.Dropout(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4)
    )


@pytest.mark.parametrize(
    ("name", "kind", "unit"),
    [
        ("error", nas.ReportedObjective, ""),
        ("loss", nas.ReportedObjective, "nats"),
        ("train_seconds", nas.ReportedObjective, "s"),
        ("params", nas.AnalyticObjective, "parameters"),
        ("flops", nas.AnalyticObjective, "operations"),
        ("latency", nas.MeasuredObjective, "ms"),
    ],
)
def test_each_says_what_it_is(name: str, kind: type, unit: str) -> None:
    objective = nas.objective(name)
    assert isinstance(objective, kind)
    assert (objective.metric, objective.direction, objective.unit) == (name, "minimize", unit)


def test_the_evaluator_reports_what_is_asked_of_it() -> None:
    assert {"error", "loss", "train_seconds"} <= set(nas.evaluator("train").metrics)


def test_params_and_flops_of_a_small_network() -> None:
    """Three by three over 1 channel, 6 filters, at 3x3 places; then 6x4. A multiply-add is 2."""
    assert analytic("params", convnet) == 6 * 9 + 6 + 2 * 6 + 6 * 4 + 4
    assert analytic("flops", convnet) == 2 * (6 * 9 * 9 + 6 * 4)


def test_flops_are_those_of_torchs_counter_on_a_real_pass() -> None:
    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.patch = nn.Conv2d(3, 8, 4, 4)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
            self.head = nn.Linear(8, 4)

        def forward(self, x: Tensor) -> Tensor:
            x = self.patch(x).flatten(2).transpose(1, 2)
            out: Tensor = self.head(self.layer(x).mean(1))
            return out

    for make in (convnet, Tokens):
        network = make()
        with FlopCounterMode(display=False) as counter:
            network(torch.rand(2, 3, 8, 8))
        assert analytic("flops", make) == counter.get_total_flops() / 2
        assert flop_count(network, (3, 8, 8)) == counter.get_total_flops() / 2
        assert {p.device.type for p in network.parameters()} == {"cpu"}


def test_nothing_is_allocated_executed_or_drawn() -> None:
    """Its weights would take 4 terabytes."""
    before = torch.get_rng_state()
    make = lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 10**6), nn.Linear(10**6, 10**6))  # noqa: E731
    assert analytic("params", make) == 193 * 10**6 + (10**6 + 1) * 10**6
    assert analytic("flops", make) == 2 * (192 * 10**6 + 10**12)
    assert torch.equal(before, torch.get_rng_state())


def test_shared_and_frozen_parameters_count_once() -> None:
    layer = nn.Linear(3, 3)
    layer.weight.requires_grad_(False)
    assert parameter_count(nn.Sequential(layer, nn.Tanh(), layer)) == 12


class ReadsValues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if float(x.sum()) > 0 else -x


class RealTensor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.noise = torch.ones(4, device="cpu")

    def forward(self, x: Tensor) -> Tensor:
        return x + self.noise


class ReadsAtBuild(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.width = int(torch.ones(3).sum().item())


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (
            lambda: nn.Sequential(nn.Flatten(), ReadsValues()),
            r"forward pass .* '1' \(ReadsValues\)",
        ),
        (
            lambda: nn.Sequential(nn.Sequential(RealTensor())),
            r"forward pass .*'0.0' \(RealTensor\)",
        ),
        (lambda: nn.Sequential(nn.Linear(5, 4)), r"forward pass .* '0' \(Linear\)"),
        (ReadsAtBuild, r"Single.build .* in ReadsAtBuild"),
        (lambda: 1 / 0, "Single.build .*ZeroDivisionError"),
    ],
)
def test_what_cannot_run_on_meta_is_named(make: Callable[[], nn.Module], where: str) -> None:
    with pytest.raises(nas.CandidateError, match=where):
        analytic("flops", make)


def test_a_lazy_network_has_no_size_yet() -> None:
    for name in ("params", "flops"):
        with pytest.raises(nas.NotApplicableError, match="LazyLinear"):
            analytic(name, lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(4)))


@pytest.mark.skipif(not TABLE.exists(), reason="needs the NAS-Bench-201 table")
def test_counts_are_those_of_nas_bench_201() -> None:
    """Its FLOPs are multiply-adds, in millions, and 10 additions of the classifier's bias."""
    space = nas.space("nas201", cells=5, channels=16, classes=10, input_shape=(3, 32, 32))
    with gzip.open(TABLE, "rt") as file:
        rows = random.Random(0).sample(list(csv.DictReader(file)), 5)
    for row in rows:
        architecture = space.parse(row["arch_str"])
        params = nas.objective("params").estimate(space, architecture)
        flops = nas.objective("flops").estimate(space, architecture)
        assert params == round(float(row["params_m"]) * 1e6)
        assert flops == 2 * (round(float(row["flops_m"]) * 1e6) - 10)


def watched(calls: list[tuple[object, ...]]) -> nn.Module:
    """Return a network that notes how it is called."""

    def note(module: nn.Module, inputs: tuple[Tensor]) -> None:
        modes = (module.training, torch.is_grad_enabled(), torch.get_num_threads())
        calls.append((tuple(inputs[0].shape), inputs[0].dtype, *modes))

    network = convnet()
    network.register_forward_pre_hook(note)
    return network


def test_latency_measures_what_its_protocol_says() -> None:
    calls: list[tuple[object, ...]] = []
    network, threads = watched(calls), torch.get_num_threads()
    weight = network[-1].weight
    before = torch.get_rng_state()
    latency = nas.objective(
        "latency", batch=3, threads=threads + 1, dtype="float64", warmup=2, repeats=5
    )
    measured = latency.measure(network, (3, 8, 8), 1)
    assert calls == [((3, 3, 8, 8), torch.float64, False, False, threads + 1)] * 7
    assert measured.value > 0
    assert measured.spread >= 0
    protocol = dict(measured.protocol)
    assert json.loads(json.dumps(protocol)) == protocol
    assert protocol.pop("device_name")
    assert "forward pass" in str(protocol.pop("definition"))
    assert protocol == {
        "batch": 3,
        "input_shape": "3x8x8",
        "threads": threads + 1,
        "dtype": "float64",
        "warmup": 2,
        "repeats": 5,
        "device": "cpu",
        "torch": torch.__version__,
    }
    assert network.training
    assert network[-1].weight is weight
    assert weight.dtype == torch.float32
    assert torch.get_num_threads() == threads
    assert torch.equal(before, torch.get_rng_state())


def test_latency_takes_the_workers_threads() -> None:
    measured = nas.objective("latency", repeats=2).measure(convnet(), (3, 8, 8), 1)
    assert (measured.protocol["threads"], measured.protocol["batch"]) == (1, 1)


def test_latency_is_a_median_with_half_the_interquartile_range(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Passes of 5, 1, 100, 4 and 2 ms: quartiles 2, 4 and 5."""
    ticks = accumulate(chain.from_iterable((0, ms * 1_000_000) for ms in (5, 1, 100, 4, 2)))
    monkeypatch.setattr(time, "perf_counter_ns", ticks.__next__)
    measured = nas.objective("latency", repeats=5).measure(convnet(), (3, 8, 8), 1)
    assert (measured.value, measured.spread) == (4.0, 1.5)


def test_latency_leaves_a_network_that_fails_as_it_was() -> None:
    network, threads = convnet(), torch.get_num_threads()
    with pytest.raises(RuntimeError):
        nas.objective("latency", threads=threads + 1).measure(network, (5, 8, 8), 1)
    assert network.training
    assert torch.get_num_threads() == threads


def test_latency_needs_a_clock_for_the_device() -> None:
    network = build_on_meta(Single(convnet), nas.Architecture({"only": 0}))
    with pytest.raises(nas.NotApplicableError, match="not on meta"):
        nas.objective("latency").measure(network, (3, 8, 8), 1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"batch": 0}, "batch must be a whole number of at least 1, not 0"),
        ({"threads": 0}, "threads must be a whole number of at least 1, not 0"),
        ({"repeats": 2.5}, "repeats must be a whole number of at least 1, not 2.5"),
        ({"warmup": -1}, "warmup must be a whole number of at least 0, not -1"),
        ({"dtype": "flot16"}, "dtype must be one of .* not 'flot16'. Did you mean 'float16'"),
        ({"repeat": 3}, "repeat.* Did you mean 'repeats'"),
    ],
)
def test_latency_refuses_bad_parameters(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(nas.ComponentError, match=message):
        nas.objective("latency", **parameters)


def test_nothing_is_imported_before_it_is_used() -> None:
    modules = "nas_objectives.latency, nas_objectives.analytic, nas_objectives.reported"
    code = f"import {modules}, sys; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
