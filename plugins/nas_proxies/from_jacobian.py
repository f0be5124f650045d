"""Proxies from how alike the outputs' gradients by different samples' inputs are."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nas import NonFiniteError, NotApplicableError, checks
from nas_proxies.sharing import SharingProxy

if TYPE_CHECKING:
    from nas_proxies.passes import Passes

_SMALL = 1e-5
_MANY_CLASSES = 100
_APPLIES_TO = "networks with inputs that are no indices"


@dataclass(frozen=True)
class Jacov(SharingProxy):
    """Covariance of the input Jacobian (Mellor et al., arXiv:2006.04647v1).

    With ``v`` the eigenvalues of the correlation matrix of the samples' Jacobians:
    ``-sum(log(v + k) + 1 / (v + k))``, ``k = 1e-5``. Unlike the authors' code, eigenvalues come
    from ``eigvalsh``, which keeps them real, and a Jacobian that is constant is an error.

    Args:
        batch: samples that a search gives it.
    """

    needs_targets = False
    formula = "-sum(log(v + 1e-5) + 1 / (v + 1e-5)), v: eigenvalues of the Jacobians' correlations"
    applies_to = _APPLIES_TO
    cost = 2 / 3

    batch: int = 64

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)

    def compute_from(self, passes: Passes) -> float:
        """Return the score.

        Raises:
            NotApplicableError: inputs are indices.
            NonFiniteError: a sample's row is constant or not finite.
        """
        values = np.linalg.eigvalsh(_correlation(_rows(passes))) + _SMALL
        return -float(np.sum(np.log(values) + 1 / values))


@dataclass(frozen=True)
class EpeNas(SharingProxy):
    """Correlations of the input Jacobian within classes (Lopes et al., ICANN 2021).

    arXiv:2102.08099.
    Of the samples of a class ``c``, ``s_c = sum log(|correlation| + 1e-5)``. With up to 100 classes
    the score is ``sum_c |s_c|``; with more, each ``s_c`` is divided by its number of samples, and
    the score is the mean of ``|s_c - s_d|`` over all pairs of classes that the batch has.

    Args:
        batch: samples that a search gives it.
    """

    formula = "sum over classes of |sum of log(|correlation of Jacobians| + 1e-5)|"
    applies_to = f"classifiers with {_APPLIES_TO.removeprefix('networks with ')}"
    cost = 2 / 3

    batch: int = 64

    def __post_init__(self) -> None:
        checks.whole("batch", self.batch, 2)

    def compute_from(self, passes: Passes) -> float:
        """Return the score.

        Raises:
            NotApplicableError: targets are no class indices, inputs are indices, or the batch has a
                single one of more than 100 classes.
            NonFiniteError: a sample's row is constant or not finite.
        """
        targets = passes.targets.cpu().numpy()
        if passes.targets.is_floating_point() or targets.shape != (passes.samples,):
            raise NotApplicableError("samples have no class: whole numbers as targets would work")
        rows = _rows(passes)
        many = passes.outputs.shape[1] > _MANY_CLASSES
        sums = []
        for label in np.unique(targets):
            mine = rows[targets == label]
            total = float(np.sum(np.log(np.abs(_correlation(mine)) + _SMALL)))
            sums.append(total / len(mine) if many else total)
        if not many:
            return float(np.sum(np.abs(sums)))
        if len(sums) < 2:
            raise NotApplicableError("the batch has a single class: there are none to compare")
        return float(np.mean([abs(a - b) for a, b in combinations(sums, 2)]))


def _rows(passes: Passes) -> NDArray[np.float64]:
    return passes.jacobian.detach().double().cpu().numpy()


def _correlation(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``(rows, rows)``.

    Raises:
        NonFiniteError: a row is constant or not finite, or its squares are not.
    """
    if np.any(rows.max(axis=1) == rows.min(axis=1)):
        raise NonFiniteError("the outputs' gradient by a sample is constant: it has no correlation")
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = np.atleast_2d(np.corrcoef(rows))
    if not np.isfinite(found).all():
        raise NonFiniteError("the outputs' gradient by a sample is NaN, infinite, or too small")
    return found
