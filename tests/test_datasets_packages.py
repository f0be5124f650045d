"""Data sets of torchvision (a fake one: it is no dependency) and of a user's own function."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nas

LABELS = np.arange(12) % 3


def images(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def refusal(load: Any, *parts: str) -> None:
    with pytest.raises(nas.DatasetError) as caught:
        load()
    for part in parts:
        assert part in str(caught.value)


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A package with torchvision's ways: by ``train``, by ``split``, and one with neither."""
    package, module = types.ModuleType("torchvision"), types.ModuleType("torchvision.datasets")

    class VisionDataset:
        def __init__(self, root: str) -> None:
            self.root = root

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, position: int) -> tuple[np.ndarray, int]:
            return self.images[position], int(LABELS[position])

    class CIFAR10(VisionDataset):
        def __init__(self, root: str, train: bool = True, download: bool = False) -> None:
            super().__init__(root)
            if root != "here" and not download:
                raise RuntimeError("Dataset not found or corrupted.")
            self.images = images(12 if train else 6, 8, 8, 3, seed=train)

    class EMNIST(CIFAR10):
        def __init__(self, root: str, split: str, **kwargs: Any) -> None:
            super().__init__(root, **kwargs)
            self.images = images(12 if split == "letters" else 3, 8, 8)

    class SVHN(VisionDataset):
        def __init__(self, root: str, split: str = "train", download: bool = False) -> None:
            super().__init__(root)
            self.images = images({"train": 9, "test": 3}[split], 8, 8, 3)

    class Flowers102(SVHN):
        def __getitem__(self, position: int) -> tuple[np.ndarray, int]:
            return self.images[position][: 2 + position], int(LABELS[position])

    class Omniglot(VisionDataset):
        def __init__(self, root: str, background: bool = True) -> None:
            super().__init__(root)

    for one in (VisionDataset, CIFAR10, EMNIST, SVHN, Flowers102, Omniglot):
        setattr(module, one.__name__, one)
    package.datasets = module
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", module)
    return module


class TestTorchvision:
    def build(self, dataset: str, **parameters: Any) -> nas.Dataset:
        return nas.dataset("torchvision", dataset=dataset, **{"root": "here", **parameters})

    @pytest.mark.usefixtures("torchvision")
    def test_both_parts(self) -> None:
        loaded = self.build("CIFAR10").load()
        np.testing.assert_array_equal(
            loaded.train.inputs, images(12, 8, 8, 3, seed=1).transpose(0, 3, 1, 2)
        )
        np.testing.assert_array_equal(
            loaded.test.inputs, images(6, 8, 8, 3, seed=0).transpose(0, 3, 1, 2)
        )
        by_split = self.build("SVHN").load()
        assert (len(by_split.train), len(by_split.test)) == (9, 3)

    @pytest.mark.usefixtures("torchvision")
    def test_arguments_go_to_the_class(self) -> None:
        loaded = self.build("EMNIST", arguments={"split": "letters"}).load()
        assert loaded.train.inputs.shape == (12, 1, 8, 8)
        refusal(self.build("EMNIST").load, "EMNIST", "arguments do not fit", "split")

    @pytest.mark.usefixtures("torchvision")
    def test_clear_errors(self) -> None:
        refusal(self.build("cifar10").load, "'cifar10'", "Did you mean 'CIFAR10'")
        refusal(self.build("CIFAR10", root="away").load, "'away'", "not found", "download = true")
        assert len(self.build("CIFAR10", root="away", download=True).load().train) == 12
        refusal(self.build("Omniglot").load, "neither train nor split", "factory")
        refusal(self.build("Flowers102").load, "Flowers102", "(2, 8, 3)", "factory")

    def test_missing_and_broken_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "torchvision.datasets", None)
        refusal(self.build("CIFAR10").load, "torchvision", "not installed", "pip install")
        for parameters in ({"dataset": 3}, {"root": 3}, {"download": "yes"}, {"arguments": [1]}):
            with pytest.raises(nas.ComponentError, match="must"):
                nas.dataset("torchvision", **{"dataset": "CIFAR10", **parameters})


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's module with a function for every case."""
    (tmp_path / "own_data.py").write_text(
        "import numpy as np, nas\n"
        "x, y = np.zeros((6, 4, 4, 3), np.uint8), np.arange(6) % 2\n"
        "def pair(size=6): return x[:size], y[:size]\n"
        "def four(): return x, y, x[:2], y[:2]\n"
        "def whole(classes=2):\n"
        "    train = nas.Split(x.transpose(0, 3, 1, 2), y)\n"
        "    return nas.Examples(train, nas.Split(train.inputs[:2], y[:2]), classes)\n"
        "def three(): return x, y, x\n"
        "def ragged(): return [[1], [1, 2]], y\n"
        "def broken(): raise OSError('the disk is gone')\n"
        "number = 3\n"
    )
    (tmp_path / "own_broken.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("own_data", "own_broken"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "own_data"


@pytest.mark.usefixtures("module")
class TestFactory:
    def load(self, function: str, **arguments: Any) -> nas.Examples:
        return nas.dataset("factory", function=function, arguments=arguments).load()

    def test_returns_what_the_function_does(self) -> None:
        pair = self.load("own_data:pair", size=4)
        assert (pair.train.inputs.shape, pair.test) == ((4, 3, 4, 4), None)
        four, whole = self.load("own_data:four"), self.load("own_data:whole")
        for examples in (four, whole):
            assert examples.train.inputs.shape == (6, 3, 4, 4)
            assert examples.test.inputs.shape == (2, 3, 4, 4)
            assert examples.classes == 2

    @pytest.mark.parametrize(
        ("function", "parts"),
        [
            ("own_data:pear", ("'pear'", "does not exist", "Did you mean 'pair'")),
            ("own_data:number", ("not callable",)),
            ("own_data:three", ("a tuple of 3", "nas.Examples")),
            ("own_data:ragged", ("no array", "nas.Examples")),
            ("own_data:broken", ("OSError: the disk is gone",)),
            ("own_broken:pair", ("no_such_package", "importing 'own_broken' failed")),
            ("own_dada:pair", ("own_dada", "PYTHONPATH")),
            ("builtins:dict", ("returned a dict", "nas.Examples")),
        ],
    )
    def test_clear_errors(self, function: str, parts: tuple[str]) -> None:
        refusal(lambda: self.load(function), function, *parts)

    def test_arguments_and_classes_that_do_not_fit(self) -> None:
        refusal(lambda: self.load("own_data:pair", sise=4), "unexpected keyword argument 'sise'")
        refusal(lambda: self.load("own_data:whole", classes=5), "says 5 classes", "0 to 1")

    @pytest.mark.parametrize("function", ["own_data", "own_data:", ":pair", "a:b:c", 3])
    def test_refuses_what_names_no_function(self, function: object) -> None:
        with pytest.raises(nas.ComponentError, match=r"package\.module:function"):
            nas.dataset("factory", function=function)
