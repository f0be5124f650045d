"""What a sample of the stopped trials says about all of them, and how little that may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas.archive.audits import Audited
from nas.benchmark.statistics import LEVEL, Estimate, estimate


@dataclass(frozen=True)
class AuditSummary:
    """What the audited trials of a study say together.

    Args:
        trials: that were to stop and went on.
        ended: of these, how many have ended.
        lost: of the ended, how many would be missing from the front had they been stopped.
        low, high: 95 % interval (Clopper and Pearson) of the share of the trials to stop that would
            be missing; None if none has ended.
        regret: mean of ``Audited.regret``.
        behind: mean of ``Audited.behind``, of the trials that have one.
        best: the one with the largest regret, or else the one that ended least behind; None if
            there is none to tell.
    """

    trials: int
    ended: int
    lost: int
    low: float | None
    high: float | None
    regret: Estimate
    behind: Estimate
    best: Audited | None


def summarise(audited: Sequence[Audited]) -> AuditSummary:
    """Summarise the audited trials of a study."""
    ended = [one for one in audited if one.lost is not None]
    lost = sum(bool(one.lost) for one in ended)
    low, high = share_interval(lost, len(ended)) if ended else (None, None)
    behind = [one.behind for one in ended if one.behind is not None]
    regrets = [one.regret for one in ended if one.regret is not None]
    able = [one for one in ended if one.lost or one.behind is not None]
    best = max(able, key=lambda one: (one.regret or 0.0, -(one.behind or 0.0)), default=None)
    return AuditSummary(
        len(audited), len(ended), lost, low, high, _regret(regrets), estimate(behind), best
    )


def share_interval(part: int, of: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, from ``part`` of ``of`` at least one that were drawn.

    Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated
    in the case of the binomial", Biometrika 26 (1934). It covers at least 95 % for any sample.
    """
    from scipy.stats import beta

    tail = (1.0 - LEVEL) / 2.0
    low = float(beta.ppf(tail, part, of - part + 1)) if part > 0 else 0.0
    high = float(beta.ppf(1.0 - tail, part + 1, of - part)) if part < of else 1.0
    return low, high


def _regret(values: Sequence[float]) -> Estimate:
    """Return the mean of what is never negative; equal values say nothing of their spread."""
    found = estimate(values)
    if found.low is None or found.high is None or len(set(values)) == 1:
        return Estimate(found.n, found.mean)
    return Estimate(found.n, found.mean, max(found.low, 0.0), found.high)
