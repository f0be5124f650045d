"""Encodings of the decisions themselves; an inactive decision has no value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture, Value
from nas.errors import ConfigError
from nas_predictors.encoding import COLUMNS, Encoding, Rows

Positions = NDArray[np.int64]


class OneHot(Encoding):
    """A column for each value of each decision."""

    def describe(self, architecture: Architecture) -> Sequence[int]:
        """Return the positions of the values, -1 where a decision is inactive."""
        positions: list[int] = self.space.encode(architecture).tolist()
        return positions

    def learn(self, descriptions: Sequence[Sequence[Any]]) -> None:
        """The space has said it all."""

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, values of all decisions)`` zeros and ones."""
        return self._one_hot(self._positions(descriptions))

    def _positions(self, descriptions: Sequence[Sequence[Any]]) -> Positions:
        shape = len(descriptions), len(self.space.tree.decisions)
        return np.array(descriptions, dtype=np.int64).reshape(shape)

    def _one_hot(self, positions: Positions) -> Rows:
        offsets = np.array(self.space.tree.offsets)
        rows = np.zeros((len(positions), offsets[-1]), dtype=np.float32)
        row, decision = np.nonzero(positions >= 0)
        rows[row, offsets[decision] + positions[row, decision]] = 1.0
        return rows


class Counts(OneHot):
    """One-hot, then for decisions with the same values how many of them have each value.

    Such as the operations on the edges of a cell: trees would need a split for each edge to see how
    many are convolutions. With counts the Spearman correlation of ``gbdt`` on unseen NAS-Bench-201
    networks rose from 0.84 to 0.88 (CIFAR-10, 100 training samples).
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        groups: dict[tuple[Value, ...], list[int]] = {}
        for column, decision in enumerate(space.tree.decisions):
            groups.setdefault(decision.values, []).append(column)
        self._alike = [(len(v), columns) for v, columns in groups.items() if len(columns) > 1]

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, one-hot and counts)``."""
        positions = self._positions(descriptions)
        counts = [
            (positions[:, members, None] == np.arange(choices)).sum(axis=1)
            for choices, members in self._alike
        ]
        return np.hstack([self._one_hot(positions), *counts]).astype(np.float32)

    def groups(self, columns: int) -> Sequence[int]:
        """The one-hot part, then the counts."""
        one_hot = self.space.tree.offsets[-1]
        return [one_hot, columns - one_hot]


class Pairwise(OneHot):
    """One-hot, then for every two decisions a column for each pair of their values.

    Raises:
        ConfigError: that would be too many columns.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        sizes = [len(decision.values) for decision in space.tree.decisions]
        columns = sum(sizes) + (sum(sizes) ** 2 - sum(n * n for n in sizes)) // 2
        if columns > COLUMNS:
            raise ConfigError(
                f"encoding 'pairwise' would have {columns:,} columns for this space, at most "
                f"{COLUMNS:,} are possible; take 'counts' or 'one_hot'"
            )
        offsets = space.tree.offsets
        self._slices = [slice(*ends) for ends in pairwise(offsets)]

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, one-hot and pairs)`` zeros and ones."""
        one_hot = super().rows(descriptions)
        of_decisions = [one_hot[:, part] for part in self._slices]
        pairs = [
            (a[:, :, None] * b[:, None, :]).reshape(len(one_hot), a.shape[1] * b.shape[1])
            for a, b in combinations(of_decisions, 2)
        ]
        return np.hstack([one_hot, *pairs])
