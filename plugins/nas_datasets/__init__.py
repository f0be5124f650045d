"""Built-in datasets: scikit-learn's digits, a file, torchvision's, and a user's own function."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nas import Component, hookimpl


def _file(folder: Path) -> Mapping[str, Any]:
    """Write a table of two classes; an example of ``npz``."""
    import numpy as np

    x = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    np.savez(folder / "two-classes.npz", x=x, y=np.arange(60) % 2)
    return {"path": str(folder / "two-classes.npz"), "test": 0.2}


def _mnist(folder: Path) -> Mapping[str, Any]:
    """Write noise in the form of MNIST; an example of ``torchvision`` that fetches nothing."""
    import numpy as np

    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for seed, part in enumerate(("train", "t10k")):
        images = np.random.default_rng(seed).integers(0, 256, (40, 28, 28), dtype=np.uint8)
        labels = (np.arange(40) % 10).astype(np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            head = np.array([0x800 + array.ndim, *array.shape], dtype=">i4")
            (raw / f"{part}-{kind}-ubyte").write_bytes(head.tobytes() + array.tobytes())
    return {"dataset": "MNIST", "root": str(folder)}


@hookimpl
def nas_datasets() -> list[Component]:
    """Digits, npz, torchvision and factory."""
    from nas_datasets.digits import Digits
    from nas_datasets.factory import Factory
    from nas_datasets.npz import Npz
    from nas_datasets.torchvision import Torchvision

    return [
        Component(
            "digits",
            Digits,
            "1,797 handwritten digits of 8 x 8 pixels, 10 classes (scikit-learn)",
            "https://doi.org/10.24432/C50P49",
        ),
        Component(
            "npz", Npz, "images or a table with class labels from a NumPy .npz file", example=_file
        ),
        Component(
            "torchvision",
            Torchvision,
            "an image classification data set of torchvision, by class name",
            "https://docs.pytorch.org/vision/stable/datasets.html",
            _mnist,
        ),
        Component(
            "factory",
            Factory,
            "whatever your own package.module:function returns",
            example={"function": "sklearn.datasets:load_iris", "arguments": {"return_X_y": True}},
        ),
    ]
