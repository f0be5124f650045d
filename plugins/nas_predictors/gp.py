"""Gaussian process on rows of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nas import checks
from nas_predictors.features import Rows
from nas_predictors.gp_base import ProcessPredictor
from nas_predictors.vectors import Floats

if TYPE_CHECKING:
    from nas_predictors.gp_process import Process, Scaling

KERNELS = ("matern52", "rbf")
LENGTH_SCALES = ("groups", "ard", "one")


@dataclass(eq=False, kw_only=True)
class GaussianProcess(ProcessPredictor):
    """A Gaussian process on the encoding; see ``ProcessPredictor``.

    Columns fall into groups of a kind, such as the one-hot part and the counts of ``counts``; each
    is scaled so that two samples are 1 apart in mean square, and the kernel is the product of one
    for each group.

    Args:
        kernel: ``matern52``, or ``rbf``, the squared exponential.
        length_scales: one for each of the ``groups``; one for each column (``ard``, automatic
            relevance determination), which takes long with many columns; or ``one`` for all.
    """

    kernel: str = "matern52"
    length_scales: str = "groups"
    _scaling: Scaling = field(init=False, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.one_of("kernel", self.kernel, KERNELS)
        checks.one_of("length_scales", self.length_scales, LENGTH_SCALES)

    def _fitted(self, rows: Rows, scores: Floats, like: Process | None) -> Process:
        from nas_predictors.gp_kernels import product
        from nas_predictors.gp_process import Process, Scaling

        columns = rows.shape[1]
        groups = [columns] if self.length_scales == "one" else self._encoder.groups(columns)
        self._scaling = Scaling(rows, groups)
        smooth, ard = self.kernel == "rbf", self.length_scales == "ard"
        process = Process(product(self._scaling.groups, smooth=smooth, ard=ard), like)
        process.fit(self._scaling(rows), scores)
        return process

    def _inputs(self, rows: Rows) -> Floats:
        return self._scaling(rows)
