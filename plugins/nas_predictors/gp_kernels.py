"""Kernels of Gaussian processes, put together from scikit-learn's. Imported when one is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.gaussian_process import kernels  # noqa: TID253 - see above

LENGTHS = (0.1, 30.0)
"""Bounds of a length scale; two samples are 1 apart in mean square, so 1 is where one begins."""
NOISES = (1e-5, 1.0)
SIGNALS = (1e-2, 1e2)


class Columns(kernels.Kernel):  # type: ignore[misc]
    """A kernel that sees some of the columns only.

    Args:
        kernel: what is applied to them.
        start: the first of them.
        stop: the first beyond them.
    """

    def __init__(self, kernel: Any, start: int, stop: int) -> None:
        self.kernel, self.start, self.stop = kernel, start, stop

    @property
    def hyperparameters(self) -> Any:
        """Those of the kernel."""
        return self.kernel.hyperparameters

    @property
    def theta(self) -> Any:
        """The logarithms of the kernel's free hyperparameters."""
        return self.kernel.theta

    @theta.setter
    def theta(self, theta: Any) -> None:
        self.kernel.theta = theta

    @property
    def bounds(self) -> Any:
        """``(free hyperparameters, 2)`` bounds of ``theta``."""
        return self.kernel.bounds

    def __call__(self, X: Any, Y: Any = None, eval_gradient: bool = False) -> Any:  # noqa: N803
        """Return the kernel of these columns, and its gradient if that is wanted."""
        part = slice(self.start, self.stop)
        return self.kernel(X[:, part], None if Y is None else Y[:, part], eval_gradient)

    def diag(self, X: Any) -> Any:  # noqa: N803
        """Return the kernel of each row with itself."""
        return self.kernel.diag(X[:, self.start : self.stop])

    def is_stationary(self) -> bool:
        """Tell whether it depends on differences only."""
        return bool(self.kernel.is_stationary())


def product(groups: Sequence[int], *, smooth: bool, ard: bool) -> Any:
    """Return a kernel for rows whose columns fall into groups, with noise.

    Args:
        groups: number of columns of each, all above 0.
        smooth: squared exponential instead of Matern 5/2.
        ard: a length scale for every column, not for every group.
    """
    whole: Any = kernels.ConstantKernel(1.0, SIGNALS)
    for start, stop in pairwise([0, *np.cumsum(groups).tolist()]):
        scales = np.full(stop - start, 1.0) if ard else 1.0
        stationary = (
            kernels.RBF(scales, LENGTHS) if smooth else kernels.Matern(scales, LENGTHS, nu=2.5)
        )
        whole = whole * Columns(stationary, start, stop)
    return whole + kernels.WhiteKernel(0.1, NOISES)


def linear() -> Any:
    """Return the kernel of a linear model through the origin, with noise."""
    return kernels.ConstantKernel(1.0, SIGNALS) * kernels.DotProduct(
        0.0, "fixed"
    ) + kernels.WhiteKernel(0.1, NOISES)
