"""The encodings by name, and what a predictor encodes with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nas import checks
from nas.abstract.space import Space
from nas.architecture import Architecture
from nas.errors import StudyError
from nas_predictors.decision_encodings import Counts, OneHot, Pairwise
from nas_predictors.encoding import Descriptions, Encoding, Rows
from nas_predictors.graph_encodings import Adjacency, GraphFeatures, Path
from nas_predictors.wl import WeisfeilerLehman

ENCODINGS: Mapping[str, type[Encoding]] = {
    "one_hot": OneHot,
    "counts": Counts,
    "pairwise": Pairwise,
    "adjacency": Adjacency,
    "path": Path,
    "graph": GraphFeatures,
    "wl": WeisfeilerLehman,
}


class Encoder:
    """An encoding, for whichever space is learnt from.

    Args:
        name: a key of ``ENCODINGS``.

    Raises:
        ValueError: there is no encoding of that name.
    """

    def __init__(self, name: str) -> None:
        checks.one_of("encoding", name, ENCODINGS)
        self._kind = ENCODINGS[name]
        self._descriptions = Descriptions()
        self._encoding: Encoding | None = None

    def fit(self, space: Space, architectures: Sequence[Architecture]) -> Rows:
        """Choose the columns; return ``(architectures, columns)``.

        Raises:
            ConfigError: the encoding does not suit the space.
        """
        self._encoding = self._kind(space)
        described = self._descriptions.of(self._encoding, architectures)
        self._encoding.learn(described)
        return _at_least_one_column(self._encoding.rows(described))

    def rows(self, architectures: Sequence[Architecture]) -> Rows:
        """Return ``(architectures, columns)``, the columns being those of the last ``fit``.

        Raises:
            StudyError: nothing was fitted.
        """
        if self._encoding is None:
            raise StudyError("a predictor must be fitted before it predicts")
        described = self._descriptions.of(self._encoding, architectures)
        return _at_least_one_column(self._encoding.rows(described))

    def groups(self, columns: int) -> list[int]:
        """Return how many columns measure the same kind of thing; extra features are the last.

        Args:
            columns: of an encoded row, extra features included.
        """
        if self._encoding is None:
            raise StudyError("a predictor must be fitted before it predicts")
        own = self._encoding.rows([]).shape[1]
        found = [*self._encoding.groups(own), columns - own]
        return [size for size in found if size > 0]


def _at_least_one_column(rows: Rows) -> Rows:
    """Spare models the space with nothing to decide."""
    return rows if rows.shape[1] else np.zeros((len(rows), 1), dtype=np.float32)
