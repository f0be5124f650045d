"""How learning curves that were cut short would go on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.errors import ConfigError
from nas.trial import Status

if TYPE_CHECKING:
    from nas.abstract.curve_scale import CurveScale
    from nas.abstract.learning_curve import CurvePredictor
    from nas.goals import Direction
    from nas.pictures.curves import Line
    from nas.plugins import Plugins

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles that are drawn; the one in the middle is the median."""
MOST = 3
"""Forecasts that one picture bears: the most promising ones."""

_AT_ONCE = 64
"""Curves that are predicted together."""


@dataclass(frozen=True)
class Predictor:
    """A curve predictor and the name it was asked for by."""

    name: str
    built: CurvePredictor

    @classmethod
    def build(
        cls, name: str, parameters: Mapping[str, Any], plugins: Plugins | None = None
    ) -> Predictor:
        """Build it by name. Raises ``ComponentError`` as plugins do."""
        from nas.abstract.learning_curve import CurvePredictor
        from nas.config import Named
        from nas.engine.builder import Builder
        from nas.plugins import Plugins

        named = Named.model_validate({**parameters, "name": name})
        builder = Builder(Plugins() if plugins is None else plugins)
        return cls(name, builder.build("curve_predictor", named, CurvePredictor))


@dataclass(frozen=True)
class Forecast:
    """How one curve would go on.

    Args:
        id: of the trial.
        status: how it ended.
        steps: ``(steps,)`` from the last that was reported to the full budget.
        quantiles: ``(steps, levels)`` in the metric's unit, rising; at the first step, what was
            reported there.
    """

    id: int
    status: Status
    steps: NDArray[np.int64]
    quantiles: NDArray[np.float64]

    @property
    def final(self) -> float:
        """The median at the full budget."""
        return float(self.quantiles[-1, LEVELS.index(0.5)])


def forecasts(
    predictor: Predictor,
    lines: Sequence[Line],
    metric: str,
    direction: Direction | None,
    full: int | None,
) -> list[Forecast]:
    """Predict the curves that were stopped or paused; return the most promising ones.

    Curves that cannot be predicted, because they are not numbers throughout or because they were
    not reported at equal distances, are left out.

    Raises:
        ConfigError: the direction or the full budget is not known.
    """
    if direction is None:
        raise ConfigError(
            f"{metric!r} is no objective of the study: to predict it, say which way it is better "
            "with --direction minimize or --direction maximize"
        )
    if full is None:
        raise ConfigError(
            "the full budget is not known, for no trial is complete and the evaluator cannot be "
            "built: if it is of a plugin file, add --plugin FILE.py"
        )
    groups: dict[tuple[int, int], list[Line]] = {}
    for line in lines:
        every = _distance(line, full)
        if every is not None and line.status in (Status.STOPPED, Status.PAUSED):
            groups.setdefault((every, len(line.steps)), []).append(line)
    if not groups:
        return []
    scale = scale_of([line.values for line in lines], direction)
    found = [
        forecast
        for (every, _), alike in groups.items()
        for start in range(0, len(alike), _AT_ONCE)
        for forecast in _predict(
            predictor, alike[start : start + _AT_ONCE], scale, every, full // every
        )
    ]
    found.sort(key=lambda one: one.final if direction == "minimize" else -one.final)
    return found[:MOST]


def scale_of(curves: Sequence[Sequence[float]], direction: Direction) -> CurveScale:
    """Return how values of a metric are normalised, by what has been seen of it.

    What was never negative is taken to have no negative values, and a share to stay one.
    """
    from nas.abstract.curve_scale import CurveScale

    seen = [value for curve in curves for value in curve if math.isfinite(value)]
    low = 0.0 if min(seen) >= 0 else None
    high = 1.0 if low is not None and max(seen) <= 1 else None
    return CurveScale.seen(curves, direction, low, high)


def _distance(line: Line, full: int) -> int | None:
    """Return how many steps lie between two reports; None if a curve cannot be predicted."""
    every = line.steps[0]
    even = all(step == every * i for i, step in enumerate(line.steps, 1))
    usable = even and full % every == 0 and line.steps[-1] < full
    return every if usable and all(map(math.isfinite, line.values)) else None


def _predict(
    predictor: Predictor, lines: Sequence[Line], scale: CurveScale, every: int, reports: int
) -> list[Forecast]:
    known = scale.normalise(np.array([line.values for line in lines]))
    posterior = predictor.built.predict(known, reports)
    raw = np.sort(scale.restore(posterior.quantiles(LEVELS)), axis=2)
    return [
        Forecast(
            line.id,
            line.status,
            np.concatenate([[line.steps[-1]], posterior.steps * every]),
            np.vstack([np.full(len(LEVELS), line.values[-1]), quantiles]),
        )
        for line, quantiles in zip(lines, raw, strict=True)
    ]
