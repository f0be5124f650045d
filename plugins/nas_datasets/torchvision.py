"""Data sets of torchvision, read once into arrays."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from nas import Dataset, DatasetError, Examples
from nas.suggest import did_you_mean
from nas_datasets.arrays import Found, examples

_RAISED = (RuntimeError, OSError, ValueError)
"""What torchvision's classes raise for files that are missing or damaged."""


@dataclass(frozen=True, kw_only=True)
class Torchvision(Dataset):
    """An image classification data set of torchvision, such as CIFAR10 or FashionMNIST.

    Its training and test parts become the training samples and the test split. Every sample must
    have the same size: for others, resize in a function of your own and use ``factory``.

    Args:
        dataset: the class in ``torchvision.datasets``.
        root: folder of the files; relative to the working directory.
        download: fetch the files first where they are missing.
        arguments: further keyword arguments of the class, such as ``{ split = "letters" }`` of
            EMNIST.
    """

    dataset: str
    root: str = "data"
    download: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.dataset, str) or not self.dataset:
            raise ValueError(f"dataset must name a class of torchvision, not {self.dataset!r}")
        if not isinstance(self.root, str):
            raise ValueError(f"root must be the name of a folder, not {self.root!r}")
        if not isinstance(self.download, bool):
            raise ValueError(f"download must be true or false, not {self.download!r}")
        if not isinstance(self.arguments, Mapping):
            raise ValueError(f"arguments must be a table, not {self.arguments!r}")

    def load(self) -> Examples:
        """Read both parts. Raises ``DatasetError`` if the package, class or files are missing."""
        parts = self._parts()
        return examples(self._read(parts["train"]), self._read(parts["test"]))

    def _parts(self) -> dict[str, Any]:
        class_ = self._class()
        takes = _parameters(class_)
        given = {**self.arguments, "root": self.root}
        if "download" in takes:
            given["download"] = self.download
        try:
            return {part: class_(**given, **how) for part, how in self._choices(takes).items()}
        except TypeError as error:
            raise DatasetError(
                f"torchvision {self.dataset}: its arguments do not fit: {error}"
            ) from error
        except _RAISED as error:
            hint = "" if self.download else "; expected its files (download = true fetches them)"
            raise DatasetError(
                f"torchvision {self.dataset} in {self.root!r}: {error}{hint}"
            ) from error

    def _choices(self, takes: set[str]) -> dict[str, dict[str, object]]:
        if "train" in takes:  # EMNIST has both: its split is another thing
            return {"train": {"train": True}, "test": {"train": False}}
        if "split" in takes:
            return {"train": {"split": "train"}, "test": {"split": "test"}}
        raise DatasetError(
            f"torchvision {self.dataset}: takes neither train nor split; expected a data set with "
            "a training and a test part (for others use factory)"
        )

    def _class(self) -> type:
        module = _torchvision_datasets()
        known = {
            name: value
            for name, value in vars(module).items()
            if inspect.isclass(value) and issubclass(value, module.VisionDataset)
        }
        if self.dataset not in known:
            raise DatasetError(
                f"torchvision.datasets has no data set {self.dataset!r}."
                f"{did_you_mean(self.dataset, known)} Expected the name of a class in it"
            )
        return known[self.dataset]

    def _read(self, part: Any) -> Found:
        source = f"torchvision {self.dataset}"
        images, labels = [], []
        for position in range(len(part)):
            image, label = part[position]
            images.append(np.asarray(image))
            labels.append(label)
        shapes = sorted({image.shape for image in images})
        if len(shapes) > 1:
            raise DatasetError(
                f"{source}: its images have {len(shapes)} shapes, such as {shapes[0]} and "
                f"{shapes[-1]}; expected one (resize in a function and use factory)"
            )
        inputs = np.stack(images) if images else np.empty((0, 1, 1), np.uint8)
        return Found(source, "the images", "the labels", inputs, np.asarray(labels), "NHWC")


def _parameters(class_: type) -> set[str]:
    """Return what the class and its parents take: some hand ``**kwargs`` up."""
    written = [vars(base)["__init__"] for base in class_.__mro__ if "__init__" in vars(base)]
    return {name for init in written for name in inspect.signature(init).parameters}


def _torchvision_datasets() -> ModuleType:
    try:
        return importlib.import_module("torchvision.datasets")
    except ModuleNotFoundError as error:
        raise DatasetError(
            "the package torchvision is not installed; expected it beside torch "
            "(pip install torchvision), or use the data set npz"
        ) from error
    except (ImportError, RuntimeError, OSError) as error:
        # Builds of torch and torchvision that do not fit together raise RuntimeError.
        raise DatasetError(
            f"the package torchvision cannot be imported ({error}); expected one built for the "
            "torch that is installed"
        ) from error
