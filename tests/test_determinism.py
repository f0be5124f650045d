"""With real training: the same trials and metrics, inline and on Ray at 1 and 2 workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nas

CONFIG: dict[str, Any] = {
    "study": "digits",
    "seed": 3,
    "objectives": ["error", "params"],
    "window": 3,
    "space": {"name": "nas201", "cells": 1, "channels": 4},
    "data": {"name": "digits", "validation": 0.7},
    "evaluator": {"name": "train", "epochs": 2, "batch_size": 128},
    "strategy": {"name": "regularized_evolution", "population": 4, "sample": 2},
    "filter": {"proxy": {"name": "gradsign", "batch": 16}, "candidates": 3},
    "stop": {"trials": 10},
}


def trained(path: Path, **run: Any) -> list[tuple[Any, ...]]:
    """What a search gave, without the wall times."""
    result = nas.search({**CONFIG, "run": run}, path)
    with nas.Archive(path) as archive:
        return [
            (
                t.number,
                t.architecture,
                t.losses,
                t.seed,
                t.parents,
                {k: v for k, v in t.metrics.items() if k != "train_seconds"},
                [(p.step, dict(p.metrics)) for p in archive.curve(t.id)],
            )
            for t in result.trials
        ]


def test_real_training_gives_the_same_trials_inline_and_on_ray(tmp_path: Path) -> None:
    inline = trained(tmp_path / "inline.db", executor="inline")
    assert len(inline) == 10
    assert len({losses for _, _, losses, *_ in inline}) > 1
    assert trained(tmp_path / "ray.db", executor="ray", workers=2) == inline


def test_the_trained_network_comes_back_with_the_error_that_is_archived(tmp_path: Path) -> None:
    import torch

    result = nas.search(
        {**CONFIG, "stop": {"trials": 4}, "run": {"executor": "inline"}}, tmp_path / "a.db"
    )
    data = nas.dataset("digits", validation=0.7).for_search(CONFIG["seed"])
    with nas.Archive(tmp_path / "a.db") as archive:
        for trial in result.front:
            network = archive.load_model(trial.id)
            with torch.no_grad():
                outputs = network(torch.from_numpy(data.validation.inputs.copy()))
            wrong = outputs.argmax(1).numpy() != data.validation.targets
            assert abs(wrong.mean() - trial.metrics["error"]) < 1e-6
