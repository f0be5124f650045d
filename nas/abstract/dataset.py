"""Data sets: arrays, a split for the search, and a test split that no search sees."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from nas.errors import DatasetError


@dataclass(frozen=True)
class Split:
    """Samples and their classes.

    Args:
        inputs: ``(samples, channels, height, width)`` uint8 images or ``(samples, features)``
            float32 tables.
        targets: ``(samples,)`` int64 class indices from 0.
    """

    inputs: NDArray[Any]
    targets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Examples:
    """A whole data set as it was loaded; ``test`` is None where there is none."""

    train: Split
    test: Split | None
    classes: int


@dataclass(frozen=True)
class SearchData:
    """What a search sees. It has no test split, so it cannot use one.

    Args:
        train: what candidates are trained on.
        validation: what they are compared by.
        classes: number of classes.
        fingerprint: of every sample and the split; part of an evaluation's identity.
    """

    train: Split
    validation: Split
    classes: int
    fingerprint: str

    @property
    def input_shape(self) -> tuple[int, ...]:
        """One sample: ``(channels, height, width)`` or ``(features,)``."""
        return tuple(self.train.inputs.shape[1:])


@dataclass(frozen=True, kw_only=True)
class Dataset(ABC):
    """Where samples come from.

    Args:
        validation: share of the training samples, in (0, 1), that candidates are compared by.
    """

    validation: float = 0.2

    def __post_init__(self) -> None:
        if not isinstance(self.validation, float) or not 0 < self.validation < 1:
            raise ValueError(f"validation must be a share between 0 and 1, not {self.validation!r}")

    @property
    def calls(self) -> str | None:
        """Name of the function that ``load`` calls because a parameter names it; None if none."""
        return None

    @abstractmethod
    def load(self) -> Examples:
        """Read everything. Raises ``DatasetError`` naming the file and what was expected."""

    @final
    def for_search(self, seed: int) -> SearchData:
        """Split the training samples by ``seed``, each class in proportion.

        Raises:
            DatasetError: a class has too few samples to stand in both parts.
        """
        examples = self.load()
        held_out = stratified(examples.train.targets, self.validation, seed)
        train = Split(examples.train.inputs[~held_out], examples.train.targets[~held_out])
        validation = Split(examples.train.inputs[held_out], examples.train.targets[held_out])
        known = fingerprint([train, validation])
        return SearchData(train, validation, examples.classes, known)

    @final
    def test_split(self) -> Split:
        """Return the untouched test split. Never called by a search."""
        test = self.load().test
        if test is None:
            raise DatasetError("this data set has no test split")
        return test


def fingerprint(splits: Iterable[Split]) -> str:
    """Return 20 hexadecimal digits that depend on every sample and every target."""
    digest = hashlib.blake2b(digest_size=10)
    for split in splits:
        digest.update(repr((split.inputs.shape, split.inputs.dtype.str)).encode())
        digest.update(np.ascontiguousarray(split.inputs).data)
        digest.update(np.ascontiguousarray(split.targets).data)
    return digest.hexdigest()


def stratified(targets: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Mark ``share`` of each class at random, at least one sample and never all.

    Raises:
        DatasetError: a class has fewer than two samples.
    """
    rng = np.random.default_rng(seed)
    marked = np.zeros(len(targets), dtype=np.bool_)
    for label in np.unique(targets):
        members = np.flatnonzero(targets == label)
        if len(members) < 2:
            raise DatasetError(f"class {label} has {len(members)} training sample; 2 are needed")
        count = min(max(round(share * len(members)), 1), len(members) - 1)
        marked[rng.permutation(members)[:count]] = True
    return marked
