"""Laws of predictors of learning curves."""

from __future__ import annotations

import numpy as np

import nas
from nas.errors import ConformanceError
from nas.testing.law import law, require, said
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
LAST = 12
SHORT = 4
CLOSE = 1e-6


def rising(curves: int, steps: int) -> np.ndarray:
    """Return curves that rise ever more slowly, with a little noise."""
    rng = np.random.default_rng(0)
    final, speed = rng.uniform(0.5, 0.95, (curves, 1)), rng.uniform(0.3, 1.2, (curves, 1))
    means = final - 0.4 * np.arange(1, steps + 1) ** -speed
    return np.asarray(means + rng.normal(0, 0.01, means.shape))


def _predicted(subject: Subject, curves: int = 3, seen: int = SHORT) -> nas.CurvePosterior:
    predictor: nas.CurvePredictor = subject.build()
    return predictor.predict(rising(curves, seen), LAST)


@law("curve_predictor")
def answers_for_any_curve(subject: Subject) -> None:
    """After one step or many, of flat, falling or noisy curves, all that it answers is finite."""
    odd = {
        "flat": np.full((2, SHORT), 0.5),
        "at 0": np.zeros((1, 2)),
        "at 1": np.ones((1, 2)),
        "falling": rising(2, SHORT)[:, ::-1],
        "one step": rising(2, 1),
        "all but the last step": rising(1, LAST - 1),
        "alternating": np.tile([0.1, 0.9], (1, 3)),
    }
    for name, curves in odd.items():
        try:
            posterior = subject.build().predict(curves, LAST)
            steps = LAST - curves.shape[1]
            _sound(posterior, len(curves), steps)
        except Exception as error:  # a component can raise anything
            shown = np.round(curves[0], 3).tolist()
            example = f"smallest example: a curve that is {name}, {shown}"
            raise ConformanceError(f"{said(error)}\n  {example}") from error


def _sound(posterior: nas.CurvePosterior, curves: int, steps: int) -> None:
    expected = list(range(LAST - steps + 1, LAST + 1))
    found = np.asarray(posterior.steps).tolist()
    require(found == expected, f"it predicts the steps {found}, not {expected}")
    answers = {
        "quantiles": (posterior.quantiles(LEVELS), (curves, steps, len(LEVELS))),
        "exceedance": (posterior.exceedance(0.5), (curves, steps)),
    }
    for name, (values, shape) in answers.items():
        require(values.shape == shape, f"{name} have the shape {values.shape}, not {shape}")
        require(np.isfinite(values).all(), f"{name} are not all finite")
    density = posterior.log_density(np.full((curves, steps), 0.5))
    require(density.shape == (curves, steps), f"log_density has the shape {density.shape}")
    require(not np.isnan(density).any(), "log_density is NaN")


@law("curve_predictor")
def quantiles_increase(subject: Subject) -> None:
    """A higher probability has no lower quantile."""
    quantiles = _predicted(subject).quantiles(LEVELS)
    least = float(np.diff(quantiles, axis=2).min())
    require(least >= -CLOSE, f"between neighbouring levels a quantile falls by {-least:g}")


@law("curve_predictor")
def exceedance_is_a_probability(subject: Subject) -> None:
    """The probability to exceed a value is in [0, 1], and no larger for a larger value."""
    posterior = _predicted(subject)
    values = np.stack([posterior.exceedance(v) for v in np.linspace(-0.2, 1.2, 15)])
    inside = bool(((values >= -CLOSE) & (values <= 1 + CLOSE)).all())
    require(inside, f"probabilities lie from {values.min():g} to {values.max():g}")
    rise = float(np.diff(values, axis=0).max())
    require(rise <= CLOSE, f"for a larger value the probability is larger by {rise:g}")


@law("curve_predictor")
def quantiles_and_exceedance_agree(subject: Subject) -> None:
    """A quantile is exceeded with the probability that is left, up to a tenth.

    Both are of one distribution of observations, noise included.
    """
    posterior = _predicted(subject)
    median = posterior.quantiles([0.5])[:, 0, 0]
    width = float(np.ptp(posterior.quantiles([0.05, 0.95])[:, 0], axis=1).min())
    below = posterior.exceedance(median - 0.05 * width - CLOSE)[:, 0]
    above = posterior.exceedance(median + 0.05 * width + CLOSE)[:, 0]
    right = bool(((below >= 0.4) & (above <= 0.6)).all())
    require(right, f"medians are exceeded with probabilities {above} to {below}")


@law("curve_predictor")
def the_same_call_gives_the_same(subject: Subject) -> None:
    """The same arguments give the same posterior, and nothing random is drawn for it."""
    predictor = subject.build()
    with generators_untouched():
        first = predictor.predict(rising(3, SHORT), LAST).quantiles(LEVELS)
        predictor.predict(rising(1, 2), LAST)
        again = predictor.predict(rising(3, SHORT), LAST).quantiles(LEVELS)
    require(np.array_equal(first, again), "asked again, its quantiles are others")


@law("curve_predictor")
def curves_do_not_mix(subject: Subject) -> None:
    """A curve's posterior does not depend on the other curves of the call.

    Schedulers ask for many curves at once, in any grouping.
    """
    curves = rising(3, SHORT)
    alone = np.stack([subject.build().predict(c.copy(), LAST).quantiles(LEVELS)[0] for c in curves])
    together = subject.build().predict(curves, LAST).quantiles(LEVELS)
    far = float(np.abs(together - alone).max())
    require(far <= 0.02, f"alone, a curve's quantiles are up to {far:.2g} from those among three")


@law("curve_predictor")
def leaves_the_curves(subject: Subject) -> None:
    """The curves that it is given are not changed."""
    curves = rising(3, SHORT)
    before = curves.copy()
    subject.build().predict(curves, LAST).quantiles(LEVELS)
    require(np.array_equal(curves, before), "it changed the curves that it was given")
