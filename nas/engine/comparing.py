"""Numbers of a trial then and now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nas.executors.simulated import SECONDS
from nas.trial import CurvePoint, Measurement

Match = Literal["exact", "close", "measured", "different", "missing"]


@dataclass(frozen=True)
class ComparedMetric:
    """One metric then and now.

    Args:
        name: of the metric.
        then: as archived; None if it had none.
        now: None if it has none.
        verdict: ``exact``: the same bits; ``close``: within the tolerance; ``measured``: a
            measurement, or wall time, which never comes out the same; ``different``; ``missing``:
            on one side.
        spread: of a measurement then and now together, the difference that they can have by chance.
    """

    name: str
    then: float | None
    now: float | None
    verdict: Match
    spread: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether it is no reason to doubt; a measurement never is."""
        return self.verdict in ("exact", "close", "measured")

    @property
    def within_spread(self) -> bool | None:
        """Whether a measurement is within what chance explains; None of other metrics."""
        if self.spread is None or self.then is None or self.now is None:
            return None
        return abs(self.now - self.then) <= self.spread


def compare(
    then: Mapping[str, float],
    now: Mapping[str, float],
    measured: Mapping[str, Measurement],
    again: Mapping[str, Measurement],
    tolerance: float,
) -> tuple[ComparedMetric, ...]:
    """Compare metrics by name.

    Args:
        then: as archived.
        now: as they came out.
        measured: which of ``then`` were measured.
        again: which of ``now`` were.
        tolerance: relative difference up to which numbers are ``close``.
    """
    found = []
    for name in {**then, **now}:
        a, b = then.get(name), now.get(name)
        if a is None or b is None:
            found.append(ComparedMetric(name, a, b, "missing"))
        elif name in measured:
            spread = measured[name].spread + (again[name].spread if name in again else 0.0)
            found.append(ComparedMetric(name, a, b, "measured", spread))
        elif name == SECONDS and a != b:
            found.append(ComparedMetric(name, a, b, "measured"))
        else:
            found.append(ComparedMetric(name, a, b, _match(a, b, tolerance)))
    return tuple(found)


def curves_part(
    then: Sequence[CurvePoint], now: Sequence[CurvePoint], tolerance: float
) -> int | None:
    """Return the first step at which learning curves part; None if they agree."""
    for a, b in zip(then, now, strict=False):
        if a.step != b.step:
            return min(a.step, b.step)
        for name in ({*a.metrics, *b.metrics}) - {SECONDS}:
            if name not in a.metrics or name not in b.metrics:
                return a.step
            if _match(a.metrics[name], b.metrics[name], tolerance) == "different":
                return a.step
    longer = max(then, now, key=len)
    shorter = min(len(then), len(now))
    return longer[shorter].step if len(longer) > shorter else None


def _match(then: float, now: float, tolerance: float) -> Match:
    if then == now or (math.isnan(then) and math.isnan(now)):
        return "exact"
    return "close" if math.isclose(then, now, rel_tol=tolerance, abs_tol=0.0) else "different"
