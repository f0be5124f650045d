"""Samples from a NumPy file. Nothing is ever unpickled."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from nas import Dataset, DatasetError, Examples
from nas.suggest import did_you_mean, listed
from nas_datasets.arrays import LAYOUTS, Found, Layout, examples

TRAIN_KEYS = (("x", "y"), ("x_train", "y_train"))
TEST_KEYS = ("x_test", "y_test")
_UNREADABLE = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)
"""What NumPy and zipfile raise for a file that is damaged, or holds what only pickle could read."""


@dataclass(frozen=True, kw_only=True)
class Npz(Dataset):
    """A ``.npz`` file with inputs, labels, and perhaps a test split.

    Inputs are uint8 images, ``(samples, height, width)`` or ``(samples, height, width, channels)``,
    or tables of numbers, ``(samples, features)``, which become float32. Labels are integers from 0
    without gaps, ``(samples,)`` or ``(samples, 1)``.

    Args:
        path: the file; relative to the working directory, ``~`` is the home directory.
        x: key of the inputs; by default ``x`` or ``x_train``, whichever the file has.
        y: key of the labels; by default ``y`` or ``y_train``.
        x_test: key of the test inputs; by default ``x_test`` if the file has it.
        y_test: key of the test labels; by default ``y_test`` if the file has it.
        test: share of each class, in [0, 1), to set apart as test split where the file has none;
            the same samples for every seed. 0 makes none.
        layout: ``NHWC`` or ``NCHW``, order of the axes of images with four. By default NHWC, and
            images that look like NCHW are refused.
    """

    path: str
    x: str | None = None
    y: str | None = None
    x_test: str | None = None
    y_test: str | None = None
    test: float = 0.0
    layout: Layout | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.path, str | Path):
            raise ValueError(f"path must be the name of a file, not {self.path!r}")
        share = isinstance(self.test, int | float) and not isinstance(self.test, bool)
        if not share or not 0 <= self.test < 1:
            raise ValueError(f"test must be a share from 0 to below 1, not {self.test!r}")
        if self.layout is not None and self.layout not in LAYOUTS:
            raise ValueError(
                f"layout must be 'NHWC' or 'NCHW', not {self.layout!r}."
                f"{did_you_mean(str(self.layout), LAYOUTS)}"
            )
        self._check_keys()

    def _check_keys(self) -> None:
        for name in ("x", "y", "x_test", "y_test"):
            if not isinstance(getattr(self, name), str | None):
                raise ValueError(f"{name} must be the name of a key, not {getattr(self, name)!r}")
        for one, other in (("x", "y"), ("x_test", "y_test")):
            if (getattr(self, one) is None) != (getattr(self, other) is None):
                raise ValueError(f"name both {one} and {other}, or neither")

    def load(self) -> Examples:
        """Read the file. Raises ``DatasetError`` naming it, what was wrong and what expected."""
        file = Path(self.path).expanduser()
        with _opened(file) as arrays:
            train = self._found(file, arrays, *self._train_keys(file, arrays.files))
            test_keys = self._test_keys(file, arrays.files)
            test = None if test_keys is None else self._found(file, arrays, *test_keys)
        return examples(train, test, self.test)

    def _train_keys(self, file: Path, keys: list[str]) -> tuple[str, str]:
        if self.x is not None and self.y is not None:
            return self.x, self.y
        present = [pair for pair in TRAIN_KEYS if not set(pair).isdisjoint(keys)]
        if len(present) != 1:
            known = " or ".join(f"{x!r} and {y!r}" for x, y in TRAIN_KEYS)
            raise DatasetError(
                f"{file}: expected the keys {known}, found {listed(keys)}; "
                "say which ones to use with x = ... and y = ..."
            )
        return present[0]

    def _test_keys(self, file: Path, keys: list[str]) -> tuple[str, str] | None:
        if self.x_test is not None and self.y_test is not None:
            chosen = self.x_test, self.y_test
        elif not set(TEST_KEYS).isdisjoint(keys):
            chosen = TEST_KEYS
        else:
            return None
        if self.test:
            raise DatasetError(
                f"{file}: it has a test split of its own, {chosen[0]!r} and {chosen[1]!r}; "
                f"expected test = 0, not {self.test}"
            )
        return chosen

    def _found(self, file: Path, arrays: NpzFile, x: str, y: str) -> Found:
        inputs, targets = _array(file, arrays, x), _array(file, arrays, y)
        return Found(str(file), f"key {x!r}", f"key {y!r}", inputs, targets, self.layout)


@contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            arrays = np.load(file, allow_pickle=False)
        except FileNotFoundError:
            hint = did_you_mean(path.name, _siblings(path))
            raise DatasetError(
                f"{path}: there is no such file; expected a .npz file.{hint}"
            ) from None
        except _UNREADABLE as error:
            raise DatasetError(f"{path}: cannot be read ({error}); expected a .npz file") from None
        if not isinstance(arrays, NpzFile):
            raise DatasetError(
                f"{path}: holds one array of shape {arrays.shape}; expected a .npz file with "
                "keys, such as numpy.savez(file, x=x, y=y) writes"
            )
        yield stack.enter_context(arrays)


def _siblings(path: Path) -> list[str]:
    return [file.name for file in path.parent.glob("*.npz")] if path.parent.is_dir() else []


def _array(file: Path, arrays: NpzFile, key: str) -> NDArray[Any]:
    if key not in arrays.files:
        raise DatasetError(
            f"{file}: there is no key {key!r}.{did_you_mean(key, arrays.files)} "
            f"Found: {listed(arrays.files)}"
        )
    try:
        return np.asarray(arrays[key])
    except _UNREADABLE as error:
        raise DatasetError(
            f"{file}: key {key!r} cannot be read ({error}); expected an array of numbers"
        ) from None
