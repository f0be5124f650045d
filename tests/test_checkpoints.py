"""A training that was interrupted goes on from its snapshot, to the same bits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nas
from nas.executors.checkpoints import CheckpointFolder, Checkpoints
from nas.executors.jobs import Job
from nas.seeds import rng
from nas.trial import CurvePoint
from nas_cells.nas201 import NAS201
from nas_evaluators.train import Train
from nas_mlp.space import MLP

EPOCHS = 4


@pytest.fixture(scope="module")
def data() -> nas.SearchData:
    source = np.random.default_rng(0)
    targets = np.tile(np.arange(3), 20).astype(np.int64)
    inputs = source.integers(0, 255, (60, 1, 8, 8)).astype(np.uint8)
    inputs[np.arange(60), 0, targets, targets] = 255
    train, validation = nas.Split(inputs[:45], targets[:45]), nas.Split(inputs[45:], targets[45:])
    return nas.SearchData(train, validation, 3, "fingerprint")


class Killed(Exception):  # noqa: N818 - stands for a process that dies
    pass


class Run:
    """Evaluates one architecture again and again, as a worker does."""

    def __init__(self, data: nas.SearchData, folder: Path, space: str, **recipe: Any) -> None:
        shapes: dict[str, Any] = {"input_shape": data.input_shape, "classes": data.classes}
        if space == "mlp":
            self.space: nas.Space = MLP(**shapes, dropouts=(0.5,), max_depth=2)
        else:
            self.space = NAS201(cells=1, channels=4, **shapes)
        self.architecture = self.space.sample(rng(3, "a"))
        self.data = data
        self.evaluator = Train(epochs=EPOCHS, batch_size=16, checkpoint_every=1, **recipe)
        self.folder = CheckpointFolder(folder / "a.db", 1)

    def __call__(
        self, number: int = 0, die_after: int = 99, evaluation: str = "e"
    ) -> tuple[dict[str, float], dict[str, torch.Tensor], list[CurvePoint], list[int]]:
        """Return metrics, weights, the curve, and the epochs that were trained now."""
        curve: list[CurvePoint] = []
        trained: list[int] = []
        job = Job(number, self.architecture, EPOCHS, 7)
        checkpoint = Checkpoints(self.folder, evaluation).of(job, curve)

        def report(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
            if len(trained) >= die_after:
                raise Killed
            trained.append(step)
            curve.append(CurvePoint(step, dict(metrics)))

        task = nas.Task(
            self.space, self.architecture, self.data, EPOCHS, job.seed, checkpoint=checkpoint
        )
        result = self.evaluator.evaluate(task, report)
        metrics = {k: v for k, v in result.metrics.items() if k != "train_seconds"}
        assert result.network is not None
        return metrics, result.network.state_dict(), curve, trained

    def whole(self) -> tuple[dict[str, float], dict[str, torch.Tensor], list[CurvePoint]]:
        """Evaluate without interruption, and leave nothing behind."""
        metrics, weights, curve, trained = self(number=999)
        assert trained == list(range(1, EPOCHS + 1))
        self.folder.remove(999)
        return metrics, weights, curve


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


RECIPES: list[dict[str, Any]] = [
    {"optimizer": "adamw"},
    {"optimizer": "sgd", "nesterov": True, "schedule": "cosine"},
    {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "label_smoothing": 0.1},
    {"optimizer": "adamw", "crop": 1, "flip": True, "clip_norm": 1.0},
]


@pytest.mark.parametrize("space", ["mlp", "nas201"])
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: "-".join(map(str, r.values())))
def test_the_result_is_that_of_a_training_without_interruption(
    data: nas.SearchData, tmp_path: Path, space: str, recipe: dict[str, Any]
) -> None:
    run = Run(data, tmp_path, space, **recipe)
    metrics, weights, curve = run.whole()
    for number, die_after in enumerate((1, 2, 3)):
        with pytest.raises(Killed):
            run(number, die_after=die_after)
        found = run(number)
        assert found[0] == metrics
        assert same(found[1], weights)
        assert found[2] == curve
        assert found[3] == list(range(die_after + 1, EPOCHS + 1)), "it went on, not anew"


def test_interrupted_again_and_again(data: nas.SearchData, tmp_path: Path) -> None:
    run = Run(data, tmp_path, "mlp")
    metrics, weights, curve = run.whole()
    for _ in range(EPOCHS - 1):
        with pytest.raises(Killed):
            run(die_after=1)
    found = run()
    assert found[3] == [EPOCHS]
    assert (found[0], found[2]) == (metrics, curve)
    assert same(found[1], weights)


def damage_nothing(path: Path) -> None:
    path.write_bytes(b"")


def damage_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damage_header(path: Path) -> None:
    path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:])


def damage_pickle(path: Path) -> None:
    import pickle

    path.write_bytes(pickle.dumps({"a": 1}))


@pytest.mark.parametrize("damage", [damage_nothing, damage_half, damage_header, damage_pickle])
def test_a_damaged_snapshot_is_ignored_with_a_word(
    data: nas.SearchData,
    tmp_path: Path,
    damage: Callable[[Path], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = Run(data, tmp_path, "mlp")
    metrics, *_ = run.whole()
    with pytest.raises(Killed):
        run(die_after=2)
    (path,) = (tmp_path / "a.db.artifacts" / "checkpoints").glob("*")
    damage(path)
    with caplog.at_level(logging.WARNING):
        found = run()
    assert found[0] == metrics
    assert found[3] == [1, 2, 3, 4]
    assert "cannot be read" in caplog.text


def test_a_snapshot_of_another_evaluation_is_not_taken(
    data: nas.SearchData, tmp_path: Path
) -> None:
    run = Run(data, tmp_path, "mlp")
    with pytest.raises(Killed):
        run(die_after=2)
    assert run(evaluation="other")[3] == [1, 2, 3, 4]


def test_a_snapshot_that_cannot_be_written_costs_no_training(
    data: nas.SearchData, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run = Run(data, tmp_path, "mlp")
    (tmp_path / "a.db.artifacts").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        assert run()[3] == [1, 2, 3, 4]
    assert "cannot be written" in caplog.text


CONFIG: dict[str, Any] = {
    "study": "s",
    "objectives": ["error"],
    "space": "mlp",
    "data": {"name": "digits", "validation": 0.7},
    "evaluator": {"name": "train", "epochs": 2, "batch_size": 128, "checkpoint_every": 1},
    "strategy": "random",
    "stop": {"trials": 3},
}


@pytest.mark.parametrize("executor", ["inline", "ray"])
def test_a_finished_search_leaves_no_snapshot(executor: str, tmp_path: Path) -> None:
    archive = tmp_path / "a.db"
    seen: list[Path] = []

    class Watch:
        def started(self, study: nas.Study, plan: Any) -> None: ...

        def progress(self, progress: Any) -> None:
            seen.extend((tmp_path / "a.db.artifacts").glob("checkpoints/*.safetensors"))

        def finished(self, study: nas.Study, reason: str) -> None: ...

    run = {"executor": executor, **({"workers": 1} if executor == "ray" else {})}
    result = nas.search({**CONFIG, "run": run}, archive, observer=Watch())
    assert [t.status for t in result.trials] == ["complete"] * 3
    assert not (tmp_path / "a.db.artifacts" / "checkpoints").exists()
