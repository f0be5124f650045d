"""Gaussian process on the Weisfeiler-Lehman kernel of the architecture's DAG."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from nas_predictors.features import Rows
from nas_predictors.gp_base import ProcessPredictor
from nas_predictors.vectors import Floats

if TYPE_CHECKING:
    from nas_predictors.gp_process import Process


@dataclass(eq=False, kw_only=True)
class WeisfeilerLehmanProcess(ProcessPredictor):
    """NAS-BOWL's surrogate (Ru, Wan, Dong & Osborne, ICLR 2021, arXiv:2006.07556).

    The kernel of two architectures is the cosine of their Weisfeiler-Lehman features (encoding
    ``wl``), after as many steps as make the data most likely; see ``ProcessPredictor``.
    """

    takes_features: ClassVar[bool] = False

    encoding: str = field(default="wl", init=False)
    _columns: int = field(default=0, init=False, repr=False)
    _steps: int = field(default=0, init=False, repr=False)

    def _fitted(self, rows: Rows, scores: Floats, like: Process | None) -> Process:
        from nas_predictors.gp_kernels import linear
        from nas_predictors.gp_process import Process

        steps = list(accumulate(self._encoder.groups(rows.shape[1])))
        if like is not None:
            steps = [steps[min(self._steps, len(steps) - 1)]]
        found: list[tuple[int, Process]] = []
        for columns in steps:
            process = Process(linear(), like)
            process.fit(_unit(rows[:, :columns]), scores)
            found.append((columns, process))
        chosen = max(range(len(found)), key=lambda i: found[i][1].evidence)
        if like is None:
            self._steps = chosen
        self._columns, best = found[chosen]
        return best

    def _inputs(self, rows: Rows) -> Floats:
        return _unit(rows[:, : self._columns])


def _unit(rows: Rows) -> Floats:
    """Return rows of length 1; what has no feature that is known stays 0."""
    length = np.linalg.norm(rows.astype(np.float64), axis=1, keepdims=True)
    unit: Floats = rows / np.where(length > 0, length, 1.0)
    return unit
