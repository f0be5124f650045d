"""How well scores rank what was evaluated: rank correlations, with intervals."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nas.abstract.aggregate import ranks

Floats = NDArray[np.float64]

MINIMUM = 5
"""Pairs below which a correlation says nothing."""
RESAMPLES = 1_000
LEVEL = 0.95
TOP = 0.1
"""Share of what is ranked that counts as its top."""


@dataclass(frozen=True)
class Ranking:
    """How well one score ranks.

    Args:
        name: of the score.
        n: architectures that have both a score and an outcome.
        spearman: rank correlation with the outcome, in [-1, 1]; positive if a higher score goes
            with a better outcome. None if there are fewer than 5 pairs, or all are equal.
        low, high: 95 % bootstrap interval of it.
        kendall: Kendall's tau-b.
        partial: Spearman's partial correlation given the number of parameters: what the score tells
            beyond size.
        top: how many the overlap is about.
        overlap: share of the ``top`` best by outcome that are among the ``top`` best by score; by
            chance it is ``top / n``. Of equals at the border, each counts for its chance to be in.
        line: the highest Spearman of the lines to beat over the same architectures; None of a line.
    """

    name: str
    n: int
    spearman: float | None = None
    low: float | None = None
    high: float | None = None
    kendall: float | None = None
    partial: float | None = None
    top: int | None = None
    overlap: float | None = None
    line: float | None = None


def rankings(
    scores: Mapping[str, Sequence[float]],
    outcome: ArrayLike,
    size: ArrayLike | None = None,
    top: int | None = None,
    lines: Collection[str] = (),
) -> list[Ranking]:
    """Rank scores by how well they rank, best first.

    Args:
        scores: of each name, ``(n,)`` scores, higher is better; NaN where there is none.
        outcome: ``(n,)``, higher is better; NaN where there is none.
        size: ``(n,)`` numbers of parameters, for the partial correlation.
        top: how many the overlap is about, at least 1; by default a tenth of what is ranked.
        lines: names of the scores that the others have to beat.
    """
    better = np.asarray(outcome, dtype=np.float64)
    sizes = None if size is None else np.asarray(size, dtype=np.float64)
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in scores.items()}
    to_beat = [arrays[name] for name in lines if name in arrays]
    found = [
        replace(
            _ranking(name, score, better, sizes, top),
            line=None if name in lines else _line(score, better, to_beat),
        )
        for name, score in arrays.items()
    ]
    return sorted(found, key=lambda one: (one.spearman is None, -(one.spearman or 0.0)))


def _line(score: Floats, better: Floats, to_beat: Sequence[Floats]) -> float | None:
    """Return the best correlation of the lines where there is a score: some rank a part only."""
    both = np.isfinite(score) & np.isfinite(better)
    found = [_on(line, better, both & np.isfinite(line)) for line in to_beat]
    return max((value for value in found if value is not None), default=None)


def _on(score: Floats, better: Floats, where: NDArray[np.bool_]) -> float | None:
    if where.sum() < MINIMUM:
        return None
    return _pearson(ranks(score[where]), ranks(better[where]))


def spearman(a: ArrayLike, b: ArrayLike) -> float | None:
    """Return Spearman's rank correlation; None if all values of one are equal."""
    return _pearson(ranks(a), ranks(b))


def top_overlap(score: ArrayLike, outcome: ArrayLike, top: int) -> float:
    """Return the share of the ``top`` best by outcome that are among the ``top`` best by score."""
    return float(_in_top(score, top) @ _in_top(outcome, top)) / top


def _in_top(values: ArrayLike, top: int) -> Floats:
    """Return each one's chance to be among the highest ``top`` if equals draw lots."""
    of = np.asarray(values, dtype=np.float64)
    border = np.sort(of)[-top]
    above, level = of > border, of == border
    return np.asarray(above + level * (top - above.sum()) / level.sum())


def _ranking(
    name: str, score: Floats, outcome: Floats, size: Floats | None, top: int | None
) -> Ranking:
    both = np.isfinite(score) & np.isfinite(outcome)
    n = int(both.sum())
    if n < MINIMUM:
        return Ranking(name, n)
    a, b = ranks(score[both]), ranks(outcome[both])
    correlation = _pearson(a, b)
    if correlation is None:
        return Ranking(name, n)
    low, high = _interval(a, b)
    top = min(top or max(1, round(n * TOP)), n)
    overlap = top_overlap(a, b, top)
    partial = _partial(a, b, size, both)
    return Ranking(name, n, correlation, low, high, _kendall(a, b), partial, top, overlap)


def _pearson(a: Floats, b: Floats) -> float | None:
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _kendall(a: Floats, b: Floats) -> float:
    from scipy.stats import kendalltau

    return float(kendalltau(a, b).statistic)


def _partial(a: Floats, b: Floats, size: Floats | None, both: NDArray[np.bool_]) -> float | None:
    """Return ``(r_ab - r_as r_bs) / sqrt((1 - r_as^2)(1 - r_bs^2))`` of ranks."""
    if size is None or not np.isfinite(size[both]).all():
        return None
    s = ranks(size[both])
    ab, as_, bs = _pearson(a, b), _pearson(a, s), _pearson(b, s)
    if ab is None or as_ is None or bs is None:
        return None
    rest = (1 - as_**2) * (1 - bs**2)
    return (ab - as_ * bs) / float(np.sqrt(rest)) if rest > 1e-12 else None


def _interval(a: Floats, b: Floats) -> tuple[float, float]:
    """Return the percentile interval over resampled pairs, which keep the ranks they have."""
    source = np.random.default_rng(0)
    found = []
    for _ in range(RESAMPLES):
        drawn = source.integers(len(a), size=len(a))
        again = _pearson(a[drawn], b[drawn])
        if again is not None:
            found.append(again)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
