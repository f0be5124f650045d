"""Built-in datasets: scikit-learn's digits, a file, torchvision's, and a user's own function."""

from __future__ import annotations

from nas import Component, hookimpl


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
        Component("npz", Npz, "images or a table with class labels from a NumPy .npz file"),
        Component(
            "torchvision",
            Torchvision,
            "an image classification data set of torchvision, by class name",
            "https://docs.pytorch.org/vision/stable/datasets.html",
        ),
        Component("factory", Factory, "whatever your own package.module:function returns"),
    ]
