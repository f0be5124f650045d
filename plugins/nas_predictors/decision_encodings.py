"""Encodings of the decisions themselves; an inactive decision has no value."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture, Value
from nas.decisions import Grid
from nas.errors import ConfigError
from nas_predictors.encoding import COLUMNS, Encoding, Rows

Positions = NDArray[np.int64]


class OneHot(Encoding):
    """A column for each value of each decision; one column for a grid of numbers: where on it.

    On a grid the first value is 0 and the last is 1; a decision that is inactive there is at 1/2.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        offsets, decisions = space.tree.offsets, space.tree.decisions
        self._grids = [i for i, d in enumerate(decisions) if isinstance(d, Grid)]
        self._last = np.array([len(decisions[i].values) - 1 for i in self._grids])
        left_out = [c for i in self._grids for c in range(offsets[i], offsets[i + 1])]
        self._one_hots = np.delete(np.arange(offsets[-1]), left_out)

    def describe(self, architecture: Architecture) -> Sequence[int]:
        """Return the positions of the values, -1 where a decision is inactive."""
        positions: list[int] = self.space.encode(architecture).tolist()
        return positions

    def learn(self, descriptions: Sequence[Sequence[Any]]) -> None:
        """The space has said it all."""

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, values of all decisions, then grids)`` from 0 to 1."""
        positions = self._positions(descriptions)
        return np.hstack([self._one_hot(positions), self._places(positions)])

    def groups(self, columns: int) -> Sequence[int]:
        """The one-hot part, then every grid."""
        return [columns - len(self._grids), *[1] * len(self._grids)]

    def _positions(self, descriptions: Sequence[Sequence[Any]]) -> Positions:
        shape = len(descriptions), len(self.space.tree.decisions)
        return np.array(descriptions, dtype=np.int64).reshape(shape)

    def _one_hot(self, positions: Positions) -> Rows:
        offsets = np.array(self.space.tree.offsets)
        rows = np.zeros((len(positions), offsets[-1]), dtype=np.float32)
        row, decision = np.nonzero(positions >= 0)
        rows[row, offsets[decision] + positions[row, decision]] = 1.0
        return rows[:, self._one_hots] if self._grids else rows

    def _places(self, positions: Positions) -> Rows:
        found = positions[:, self._grids]
        return np.where(found < 0, 0.5, found / self._last).astype(np.float32)


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
            if column not in self._grids:
                groups.setdefault(decision.values, []).append(column)
        self._alike = [(len(v), columns) for v, columns in groups.items() if len(columns) > 1]

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, one-hot, counts and grids)``."""
        positions = self._positions(descriptions)
        counts = [
            (positions[:, members, None] == np.arange(choices)).sum(axis=1)
            for choices, members in self._alike
        ]
        whole = [self._one_hot(positions), *counts, self._places(positions)]
        return np.hstack(whole).astype(np.float32)

    def groups(self, columns: int) -> Sequence[int]:
        """The one-hot part, then the counts, then every grid."""
        one_hot, grids = len(self._one_hots), len(self._grids)
        return [one_hot, columns - one_hot - grids, *[1] * grids]


class Pairwise(OneHot):
    """One-hot, then for every two decisions a column for each pair of their values.

    Raises:
        ConfigError: that would be too many columns.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        decisions = enumerate(space.tree.decisions)
        sizes = [len(d.values) for i, d in decisions if i not in self._grids]
        sizes += [1] * len(self._grids)
        columns = sum(sizes) + (sum(sizes) ** 2 - sum(n * n for n in sizes)) // 2
        if columns > COLUMNS:
            raise ConfigError(
                f"encoding 'pairwise' would have {columns:,} columns for this space, at most "
                f"{COLUMNS:,} are possible; take 'counts' or 'one_hot'"
            )
        self._slices = [slice(*ends) for ends in pairwise(accumulate(sizes, initial=0))]

    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, one-hot, grids and pairs)`` from 0 to 1."""
        single = super().rows(descriptions)
        of_decisions = [single[:, part] for part in self._slices]
        pairs = [
            (a[:, :, None] * b[:, None, :]).reshape(len(single), a.shape[1] * b.shape[1])
            for a, b in combinations(of_decisions, 2)
        ]
        return np.hstack([single, *pairs])

    def groups(self, columns: int) -> Sequence[int]:
        """All of them: a pair is of the same kind as its parts."""
        return [columns]
