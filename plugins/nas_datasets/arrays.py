"""From arrays as they were found to checked splits; every refusal says what was expected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nas import DatasetError, Examples, Split
from nas.abstract.dataset import stratified

Layout = Literal["NHWC", "NCHW"]
LAYOUTS = ("NHWC", "NCHW")
_TEST_SPLIT_SEED = 0
"""A test split that a study's seed moved would let one study train on what another tests."""


@dataclass(frozen=True)
class Found:
    """Inputs and targets as they were found, and what messages call them.

    Args:
        source: the file or function they come from.
        inputs_name: such as ``x_train``.
        targets_name: such as ``y_train``.
        inputs: images, ``(samples, height, width)`` or as ``layout`` says, uint8; or a table,
            ``(samples, features)``, floating-point, integer or bool.
        targets: ``(samples,)`` or ``(samples, 1)`` integers.
        layout: of four-dimensional inputs; None is NHWC, but refuses what looks like NCHW.
    """

    source: str
    inputs_name: str
    targets_name: str
    inputs: NDArray[Any]
    targets: NDArray[Any]
    layout: Layout | None = None

    def refuse_inputs(self, was: str, expected: str) -> DatasetError:
        """Return the error that says what the inputs were and what was expected."""
        return DatasetError(f"{self.source}: {self.inputs_name} {was}; expected {expected}")

    def refuse_targets(self, was: str, expected: str) -> DatasetError:
        """Return the error that says what the targets were and what was expected."""
        return DatasetError(f"{self.source}: {self.targets_name} {was}; expected {expected}")

    def split(self) -> Split:
        """Check everything that can be checked without knowing the classes.

        Raises:
            DatasetError: wrong number of dimensions, type or length, no samples, a value that is
                not finite.
        """
        targets = self._labels()
        inputs = self._images() if self.inputs.ndim in (3, 4) else self._table()
        if len(inputs) != len(targets):
            raise self.refuse_targets(
                f"has {len(targets)} labels", f"one for each of {len(inputs)} {self.inputs_name}"
            )
        if inputs.size == 0:
            raise self.refuse_inputs(f"is empty, shape {self.inputs.shape}", "one sample or more")
        return Split(inputs, targets)

    def _images(self) -> NDArray[np.uint8]:
        if self.inputs.dtype != np.uint8:
            raise self.refuse_inputs(
                f"holds images of type {self.inputs.dtype}",
                "uint8, 0 to 255 (from 0 to 1: (255 * x).round().astype('uint8'))",
            )
        if self.inputs.ndim == 3:
            return np.ascontiguousarray(self.inputs[:, None])
        if self.layout == "NCHW":
            return np.ascontiguousarray(self.inputs)
        _, second, _, last = self.inputs.shape
        if self.layout is None and second <= 4 < last:
            raise self.refuse_inputs(
                f"has shape {self.inputs.shape}, which looks like channels first (NCHW)",
                "(samples, height, width, channels); if it is right, say which layout it is",
            )
        return np.ascontiguousarray(self.inputs.transpose(0, 3, 1, 2))

    def _table(self) -> NDArray[np.float32]:
        if self.inputs.ndim != 2:
            raise self.refuse_inputs(
                f"has {self.inputs.ndim} dimensions, shape {self.inputs.shape}",
                "images, (samples, height, width[, channels]), or a table, (samples, features)",
            )
        if self.inputs.dtype.kind not in "fiub":
            raise self.refuse_inputs(f"is a table of type {self.inputs.dtype}", "numbers")
        with np.errstate(over="ignore"):  # what does not fit in float32 is refused below
            table = np.ascontiguousarray(self.inputs, dtype=np.float32)
        bad = ~np.isfinite(table)
        if bad.any():
            row, column = (int(i) for i in np.argwhere(bad)[0])
            raise self.refuse_inputs(
                f"has {int(bad.sum())} values that are NaN, infinite or beyond float32, "
                f"the first {self.inputs[row, column]} in row {row}, column {column}",
                "finite numbers: fill the gaps or leave those rows out",
            )
        return table

    def _labels(self) -> NDArray[np.int64]:
        targets = self.targets
        if targets.ndim == 2 and targets.shape[1] == 1:
            targets = targets[:, 0]
        if targets.ndim != 1:
            raise self.refuse_targets(f"has shape {self.targets.shape}", "(samples,)")
        if targets.dtype.kind not in "iu":
            raise self.refuse_targets(
                f"has labels of type {targets.dtype}", "integers, the classes from 0"
            )
        return targets.astype(np.int64)


def examples(train: Found, test: Found | None = None, share: float = 0.0) -> Examples:
    """Check both splits and that they fit each other.

    Labels are taken as they are: class k of a trained network is label k of the data, so labels
    that leave a number out are refused, never renumbered.

    Args:
        train: training samples.
        test: test samples, if there are any.
        share: of each class of ``train`` to make the test split of, where there is no ``test``;
            always the same samples. 0 makes none.

    Raises:
        DatasetError: as ``Found.split``; or there are fewer than two classes, a gap in the labels,
            a class in the test split only, or the splits differ in the shape of a sample.
    """
    known = train.split()
    classes = _count_classes(train, known.targets)
    if test is not None:
        return Examples(known, _matching(test, test.split(), known, classes), classes)
    if share == 0:
        return Examples(known, None, classes)
    try:
        held_out = stratified(known.targets, share, _TEST_SPLIT_SEED)
    except DatasetError as error:
        raise DatasetError(f"{train.source}: {error} to split off a test set") from None
    return Examples(
        Split(known.inputs[~held_out], known.targets[~held_out]),
        Split(known.inputs[held_out], known.targets[held_out]),
        classes,
    )


def _count_classes(found: Found, targets: NDArray[np.int64]) -> int:
    labels = np.unique(targets)
    if len(labels) < 2:
        raise found.refuse_targets(f"has one class only, {labels[0]}", "two or more")
    if labels[0] != 0:
        raise found.refuse_targets(
            f"has labels from {labels[0]} to {labels[-1]}",
            f"labels from 0: numpy.unique({found.targets_name}, return_inverse=True)[1]",
        )
    gaps = np.flatnonzero(np.diff(labels) > 1)
    if len(gaps):
        raise found.refuse_targets(
            f"has no label {labels[gaps[0]] + 1}, but goes up to {labels[-1]}",
            "labels without gaps: numpy.unique(labels, return_inverse=True)[1] renumbers them",
        )
    return len(labels)


def _matching(found: Found, test: Split, train: Split, classes: int) -> Split:
    kinds = (test.inputs.dtype, test.inputs.shape[1:])
    if kinds != (train.inputs.dtype, train.inputs.shape[1:]):
        raise found.refuse_inputs(
            f"has samples of type {kinds[0]} and shape {kinds[1]}",
            f"type {train.inputs.dtype} and shape {train.inputs.shape[1:]} as in training",
        )
    unknown = sorted({int(label) for label in test.targets} - set(range(classes)))
    if unknown:
        raise found.refuse_targets(
            f"has labels that training has not: {_first(unknown)}", f"labels 0 to {classes - 1}"
        )
    return test


def _first(labels: Sequence[int], most: int = 5) -> str:
    return ", ".join(map(str, labels[:most])) + (", ..." if len(labels) > most else "")
