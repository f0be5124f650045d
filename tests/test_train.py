"""The evaluator ``train``, really training small networks."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import nas
from nas.normalise import with_normalisation


class Net(torch.nn.Module):
    """A small network with batch norm and dropout; ``flaw`` is when it begins to give NaN."""

    seen: ClassVar[list[torch.Tensor]] = []

    def __init__(self, shape: tuple[int, ...], classes: int, width: int, flaw: str) -> None:
        super().__init__()
        if len(shape) == 3:
            body = [torch.nn.Conv2d(shape[0], width, 3, 2, 1), torch.nn.BatchNorm2d(width)]
            body += [torch.nn.ReLU(), torch.nn.Conv2d(width, width, 3, 2, 1), torch.nn.Flatten()]
            features = width * -(-shape[1] // 4) * -(-shape[2] // 4)
        else:
            body, features = [torch.nn.Linear(shape[0], width)], width
        tail = [torch.nn.BatchNorm1d(features), torch.nn.ReLU(), torch.nn.Dropout(0.1)]
        self.layers = torch.nn.Sequential(*body, *tail, torch.nn.Linear(features, classes))
        self.flaw, self.batches = flaw, 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.batches += self.training
        if self.training:
            self.seen.append(inputs)
        bad = self.flaw == "validation" and not self.training
        bad |= self.flaw == "later" and self.batches > 25
        return self.layers(inputs) * (float("nan") if bad else 1.0)


class Tiny(nas.Space):
    """Two widths, and networks that go wrong."""

    def __init__(self, input_shape: tuple[int, ...] = (1, 8, 8), classes: int = 10) -> None:
        self.input_shape, self.classes = input_shape, classes

    @property
    def decisions(self) -> Sequence[nas.Categorical]:
        return (
            nas.Categorical("width", (8, 16)),
            nas.Categorical("flaw", ("none", "validation", "later")),
        )

    def build(self, architecture: nas.Architecture) -> torch.nn.Module:
        random.random()  # spaces and networks may draw from any generator
        return Net(self.input_shape, self.classes, architecture["width"], architecture["flaw"])


@cache
def digits() -> nas.SearchData:
    return nas.dataset("digits").for_search(0)


def task(flaw: str = "none", **changes: Any) -> nas.Task:
    point = nas.Architecture({"width": 16, "flaw": flaw})
    return replace(nas.Task(Tiny(), point, digits(), None, seed=5), **changes)


def table(samples: int) -> nas.SearchData:
    inputs = np.random.default_rng(0).normal(size=(samples, 3)).astype(np.float32)
    split = nas.Split(inputs, (inputs[:, 0] > 0).astype(np.int64))
    return nas.SearchData(split, split, 2, "table")


def run(task: nas.Task, **recipe: Any) -> tuple[nas.Evaluation, list[dict[str, float]]]:
    curve: list[dict[str, float]] = []

    def report(step: int, metrics: Any, snapshot: object = None) -> None:
        assert step == len(curve) + 1
        curve.append(dict(metrics))

    return nas.evaluator("train", **recipe).evaluate(task, report), curve


def test_learns_digits_and_reports_its_curve() -> None:
    result, curve = run(task(), epochs=10)
    assert result.metrics["error"] < 0.05
    assert set(result.metrics) == set(nas.evaluator("train").metrics)
    assert curve[-1].items() <= result.metrics.items()
    assert len(curve) == 10
    assert curve[0]["error"] > curve[-1]["error"]
    assert curve[0]["train_loss"] > 4 * curve[-1]["train_loss"]
    assert result.metrics["train_seconds"] > 0


@pytest.mark.parametrize(
    "recipe",
    [
        {"optimizer": "sgd", "schedule": "cosine", "nesterov": True, "label_smoothing": 0.1},
        {"crop": 1, "batch_size": 32, "clip_norm": 1.0, "lr": 0.003},
    ],
)
def test_other_recipes_learn_too(recipe: dict[str, Any]) -> None:
    assert run(task(), epochs=8, **recipe)[0].metrics["error"] < 0.1


def test_learns_a_table() -> None:
    data = table(400)
    space = Tiny((3,), 2)
    result, _ = run(task(space=space, data=data), epochs=20)
    assert result.metrics["error"] < 0.05


def test_learns_a_cell_of_nas201() -> None:
    space = nas.space("nas201", cells=1, channels=4, classes=10, input_shape=(1, 8, 8))
    text = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
    cell = nas.Task(space, space.parse(text), digits(), None, seed=0)
    assert run(cell, epochs=5)[0].metrics["error"] < 0.1


def test_returned_network_takes_raw_samples_and_is_what_was_measured() -> None:
    result, _ = run(task(), epochs=3)
    network, validation = result.network, digits().validation
    assert not any(module.training for module in network.modules())
    assert all(p.grad is None and p.device.type == "cpu" for p in network.parameters())
    with torch.no_grad():
        logits = network(torch.tensor(validation.inputs))
    error = (logits.argmax(1).numpy() != validation.targets).mean()
    assert result.metrics["error"] == error
    mean = digits().train.inputs.mean()
    assert network.normalise.mean.item() == pytest.approx(mean, rel=1e-6)
    assert mean != digits().validation.inputs.mean()
    again = with_normalisation(Tiny().build(task().architecture), (1, 8, 8)).eval()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(torch.tensor(validation.inputs)), logits)


class TestDeterminism:
    def test_same_task_same_bits_whatever_ran_before(self) -> None:
        recipe = {"epochs": 2, "crop": 1, "flip": True}
        first = run(task(), **recipe)
        torch.manual_seed(99)
        np.random.seed(99)
        random.seed(99)
        torch.set_num_threads(2)
        torch.set_default_dtype(torch.float64)
        try:
            with torch.inference_mode():
                second = run(task(), **recipe)
        finally:
            torch.set_num_threads(1)
            torch.set_default_dtype(torch.float32)
        assert first[1] == second[1]
        assert all(
            torch.equal(one, other)
            for one, other in zip(
                first[0].network.state_dict().values(),
                second[0].network.state_dict().values(),
                strict=True,
            )
        )
        assert run(task(seed=6), **recipe)[1] != first[1]

    def test_same_task_same_bits_in_another_process(self) -> None:
        script = (
            "import importlib.util, json, sys\n"
            f"spec = importlib.util.spec_from_file_location('again', {__file__!r})\n"
            "module = importlib.util.module_from_spec(spec)\n"
            "sys.modules['again'] = module\n"
            "spec.loader.exec_module(module)\n"
            "print(json.dumps(module.run(module.task(), epochs=2)[1]))\n"
        )
        environment = {**os.environ, "OMP_NUM_THREADS": "2", "PYTHONHASHSEED": "7"}
        there = subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        assert json.loads(there.stdout.splitlines()[-1]) == run(task(), epochs=2)[1]

    @pytest.mark.parametrize("flaw", ["none", "validation"])
    def test_everything_global_is_put_back(self, flaw: str) -> None:
        def state() -> list[Any]:
            numpy = np.random.get_state()
            flags = torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic
            threads = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
            return [torch.get_rng_state().tolist(), numpy[1].tolist(), numpy[2:], flags, threads]

        before, drawn = state(), random.getstate()
        try:
            run(task(flaw, threads=2, space=Tiny((3,), 2), data=table(9)), epochs=1)
        except nas.NonFiniteError:
            assert flaw == "validation"
        assert state() == before
        assert random.getstate() == drawn


class TestBudget:
    def test_schedule_is_laid_over_the_budget(self) -> None:
        short = run(task(budget=2), epochs=7)
        assert len(short[1]) == 2
        assert short[1] == run(task(), epochs=2)[1]
        assert short[1] != run(task(), epochs=7)[1][:2]
        assert nas.evaluator("train", epochs=7).budget == 7

    @pytest.mark.parametrize("budget", [0, -1, 1.5])
    def test_refuses_no_epochs(self, budget: Any) -> None:
        with pytest.raises(ValueError, match="budget must be a whole number of at least 1"):
            run(task(budget=budget))

    def test_a_report_that_raises_ends_training(self) -> None:
        def report(step: int, metrics: Any, snapshot: object = None) -> None:
            if step == 2:
                raise InterruptedError

        Net.seen.clear()
        with pytest.raises(InterruptedError):
            nas.evaluator("train", batch_size=2000).evaluate(task(), report)
        assert len(Net.seen) == 2


class TestBatches:
    @pytest.mark.parametrize(("samples", "sizes"), [(65, [33, 32]), (64, [64]), (3, [3])])
    def test_an_epoch_is_every_sample_once_in_even_batches(
        self, samples: int, sizes: list[int]
    ) -> None:
        data = table(samples)
        Net.seen.clear()
        run(task(space=Tiny((3,), 2), data=data), epochs=2, batch_size=64)
        assert [len(batch) for batch in Net.seen] == sizes * 2
        epochs = torch.cat(Net.seen).reshape(2, samples, 3)
        one, two = (epoch[epoch[:, 0].argsort()] for epoch in epochs)
        assert torch.equal(one, two)
        raw = np.sort(data.train.inputs[:, 0])
        np.testing.assert_allclose(one[:, 0], (raw - raw.mean()) / raw.std(), atol=1e-5)
        if samples > 3:
            assert not torch.equal(epochs[0], epochs[1])
            run(task(space=Tiny((3,), 2), data=data, seed=6), epochs=1, batch_size=64)
            assert not torch.equal(torch.cat(Net.seen[2 * len(sizes) :]), epochs[0])

    def test_read_only_arrays_as_ray_hands_them_out(self) -> None:
        data = table(20)
        for array in (data.train.inputs, data.train.targets):
            array.setflags(write=False)
        run(task(space=Tiny((3,), 2), data=data), epochs=1)

    def test_mixed_precision_is_for_gpus_only(self) -> None:
        Net.seen.clear()
        mixed, plain = run(task(), epochs=1, gpus=0), run(task(), epochs=1, gpus=0, amp=False)
        assert mixed[1] == plain[1]
        assert {batch.dtype for batch in Net.seen} == {torch.float32}

    @pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
    def test_on_a_gpu(self) -> None:
        first, again = (run(task(), epochs=5) for _ in range(2))
        assert first[1] == again[1]
        assert first[0].metrics["error"] < 0.1
        assert all(p.device.type == "cpu" for p in first[0].network.parameters())


class TestFailures:
    def test_diverging_training_names_the_epoch(self) -> None:
        with pytest.raises(nas.NonFiniteError, match=r"training loss became .* in epoch 1"):
            run(task(), optimizer="sgd", lr=1e30)
        with pytest.raises(nas.NonFiniteError, match="training loss became nan in epoch 2"):
            run(task("later"))

    def test_non_finite_validation(self) -> None:
        with pytest.raises(nas.NonFiniteError, match="validation loss became nan in epoch 1"):
            run(task("validation"))

    def test_what_does_not_fit(self) -> None:
        with pytest.raises(nas.ConfigError, match="needs a data set"):
            run(task(data=None))
        with pytest.raises(nas.ConfigError, match=r"\(1, 8, 8\) to 4 classes.*10 classes"):
            run(task(space=Tiny(classes=4)))
        with pytest.raises(nas.ConfigError, match=r"crop and flip need images.*\(3,\)"):
            run(task(space=Tiny((3,), 2), data=table(9)), flip=True)

    @pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without GPU")
    def test_a_gpu_that_is_not_there(self) -> None:
        with pytest.raises(nas.ConfigError, match="gpus = 1, but torch sees no GPU"):
            run(task(), gpus=1)
