"""What an encoding is: from the architectures of a space to rows of numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.abstract.space import Space
from nas.architecture import Architecture

Rows = NDArray[np.float32]

COLUMNS = 20_000
"""The most columns of an encoding."""
KEPT = 1_000_000
"""Entries of descriptions that are kept: tens of megabytes."""


class Encoding(ABC):
    """Turns architectures of one space into rows.

    In two steps, for a search asks for the same architectures again and again: what an architecture
    is described by depends on nothing but the space, so it is worked out once; which column stands
    for what can depend on the architectures that are learnt from.

    Args:
        space: whose members are encoded.
    """

    def __init__(self, space: Space) -> None:
        self.space = space

    def __deepcopy__(self, memo: dict[int, Any]) -> Encoding:
        return self  # it never changes once it has learnt

    @abstractmethod
    def describe(self, architecture: Architecture) -> Sequence[Any]:
        """Return what rows are made from."""

    @abstractmethod
    def learn(self, descriptions: Sequence[Sequence[Any]]) -> None:
        """Choose the columns, given the architectures that are learnt from."""

    @abstractmethod
    def rows(self, descriptions: Sequence[Sequence[Any]]) -> Rows:
        """Return ``(descriptions, columns)``."""

    def groups(self, columns: int) -> Sequence[int]:
        """Return how many of the columns, in order, measure the same kind of thing."""
        return [columns]


class Descriptions:
    """Descriptions of architectures that were worked out before.

    A predictor and its copies share them, for they depend on nothing that is learnt. The oldest
    give way when there are too many.
    """

    def __init__(self) -> None:
        self._space: Space | None = None
        self._known: dict[Architecture, Sequence[Any]] = {}
        self._size = 0

    def __deepcopy__(self, memo: dict[int, Any]) -> Descriptions:
        return self  # what copies have in common

    def of(self, encoding: Encoding, architectures: Sequence[Architecture]) -> list[Sequence[Any]]:
        """Return the description of each architecture; always ask with the same encoding."""
        if encoding.space is not self._space:
            self._space, self._known, self._size = encoding.space, {}, 0
        return [self._one(encoding, architecture) for architecture in architectures]

    def _one(self, encoding: Encoding, architecture: Architecture) -> Sequence[Any]:
        found = self._known.get(architecture)
        if found is None:
            found = encoding.describe(architecture)
            self._known[architecture] = found
            self._size += 1 + len(found)
            while self._size > KEPT and len(self._known) > 1:
                self._size -= 1 + len(self._known.pop(next(iter(self._known))))
        return found
