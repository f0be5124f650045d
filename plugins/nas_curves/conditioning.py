"""Conditioning of an ensemble of curves on what was observed, beyond what its members fit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Later = Callable[[], Floats]

_RANK = 1e-9
"""Principal variances below this share of the largest are rounding errors."""
_TINY = 1e-300
_SPAN = 16
"""Members whose span holds all others': smooth curves have few degrees of freedom."""


class Ensemble:
    """Curves that are moved onto an observation as by a deterministic ensemble Kalman filter.

    As in an ensemble square-root filter (Tippett et al. 2003,
    https://doi.org/10.1175/1520-0493(2003)131<1485:ESRF>2.0.CO;2) mean and covariance become those
    of the normal distribution with the ensemble's mean and covariance, given the observation; what
    of the later steps the earlier ones do not explain stays each curve's own.

    Args:
        early: ``(members, seen)`` in units in which the noise of an observation is white.
        late: returns ``(members, later)``; asked once a curve is moved, which most never are.
        seen: ``(seen,)`` the observation, in the same units as ``early``.
        variances: ``(levels,)`` of the noise of the observation, one for each case.

    Attributes:
        log_evidence: ``(levels,)``: the log of the mean over the ensemble, taken as normal, of
            ``exp(-misfit / (2 variance))``.
    """

    def __init__(self, early: Floats, late: Later, seen: Floats, variances: Floats) -> None:
        count, self._late = len(early), late
        centre = early.mean(axis=0)
        early, gap = early - centre, seen - centre
        whole = float(gap @ gap)
        if len(gap) > _SPAN:
            frame = np.linalg.qr(early[:: max(1, count // _SPAN)].T)[0]
            early, gap = early @ frame, gap @ frame
        principal, axes = np.linalg.eigh(early.T @ early / count)
        some = principal > _RANK * max(principal[-1], _TINY)
        principal, axes = principal[some], axes[:, some]
        self._scores, self._principal = early @ axes, principal
        self._wanted = axes.T @ gap
        outside = max(whole - float(self._wanted @ self._wanted), 0.0)
        self._shrinking = variances[:, None] / (principal + variances[:, None])
        misfit = (self._wanted**2 / (principal + variances[:, None])).sum(axis=1)
        self.log_evidence: Floats = 0.5 * np.log(self._shrinking).sum(axis=1) - 0.5 * (
            misfit + outside / variances
        )

    def moved(self, level: int, members: Indices) -> Floats:
        """Return ``(members, later)`` moved curves."""
        shrinking = self._shrinking[level]
        scores = self._scores[members]
        target = np.sqrt(shrinking) * scores + (1.0 - shrinking) * self._wanted
        late, slopes = self._regressed
        return np.asarray(late[members] + (target - scores) @ slopes)

    @cached_property
    def _regressed(self) -> tuple[Floats, Floats]:
        """Return ``(members, later)`` curves, and their ``(principal, later)`` slopes."""
        late = self._late()
        away = late - late.mean(axis=0)
        return late, (self._scores.T @ away) / (len(away) * self._principal[:, None])
