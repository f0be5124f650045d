"""Laws of predictors."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence

import numpy as np

import nas
from nas.errors import ConformanceError
from nas.testing.fakes import DECIDED, Decided
from nas.testing.law import law, require, said
from nas.testing.state import generators_untouched
from nas.testing.subject import Subject

CELL = Decided(*(nas.Categorical(f"edge{i}", ["none", "skip", "conv"]) for i in range(8)))
_EFFECT = {"none": 0.3, "skip": 0.15, "conv": 0.0}
FEW, MANY = 8, 60
WORSE = 1.25
"""So many times the error from few samples may be reached by that from many, at most."""
COVERED = 0.5
"""Least share of unseen values within two standard deviations of the mean; 0.95 if all is right."""


def sample(space: nas.Space, count: int, seed: int = 0) -> list[nas.Architecture]:
    """Draw architectures."""
    draws = random.Random(seed)
    return [space.sample(draws) for _ in range(count)]


def truth(architectures: Sequence[nas.Architecture], noise: float = 0.0) -> list[float]:
    """Return what is to be learnt of members of ``CELL``: a sum over decisions."""
    draws = random.Random(1)
    return [
        sum(_EFFECT[str(v)] / (i + 1) for i, v in enumerate(a.values())) + draws.gauss(0, noise)
        for a in architectures
    ]


def _fitted(subject: Subject, count: int, noise: float = 0.0) -> nas.Predictor:
    predictor: nas.Predictor = subject.build()
    known = sample(CELL, count)
    predictor.fit(CELL, known, truth(known, noise))
    return predictor


def _errors(predictor: nas.Predictor) -> float:
    unseen = sample(CELL, 60, seed=5)
    return float(np.abs(predictor.predict(unseen).mean - truth(unseen)).mean())


def _same(one: nas.Prediction, other: nas.Prediction) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def _sound(prediction: nas.Prediction, count: int) -> None:
    for name, values in zip(("mean", "std"), prediction, strict=True):
        right = isinstance(values, np.ndarray) and values.dtype == np.float64
        require(right, f"{name} is no array of float64 but {type(values).__name__}")
        require(values.shape == (count,), f"{name} of {count} has the shape {values.shape}")
        wrong = values[~np.isfinite(values)]
        require(not len(wrong), f"{name} is not finite: {wrong[:3]}")
    require((prediction.std >= 0).all(), f"a std is negative: {prediction.std.min()}")


@law("predictor")
def any_number_of_samples_will_do(subject: Subject) -> None:
    """From one sample or more, of any space, mean and std are finite float64 of the right shape.

    A search fits after its first trial, on spaces of any shape: without decisions, with
    inactive ones.
    """
    draws = random.Random(0)
    for name in ("no decision", "flat", "conditional"):
        for count in (1, 2, 3, 20):
            values = [draws.uniform(-5, 7) for _ in range(count)]
            predictor = subject.build()
            try:
                predictor.fit(DECIDED[name], sample(DECIDED[name], count), values)
                _sound(predictor.predict(sample(DECIDED[name], 7, seed=1)), 7)
            except Exception as error:  # a component can raise anything
                example = f"smallest example: a space called {name!r}, values {values[:3]}"
                raise ConformanceError(f"{said(error)}\n  {example}") from error


@law("predictor")
def constant_targets_will_do(subject: Subject) -> None:
    """Where all values are equal, it predicts that value.

    Early in a search all trials may be equally bad; guard divisions by the standard deviation.
    """
    predictor = subject.build()
    for count in (1, 20):
        predictor.fit(CELL, sample(CELL, count), [0.1] * count)
        found = predictor.predict(sample(CELL, 9, seed=1))
        _sound(found, 9)
        far = float(np.abs(found.mean - 0.1).max())
        require(far <= 1e-3, f"{count} values of 0.1 gave a mean that is {far:g} away")


@law("predictor")
def more_data_does_not_harm(subject: Subject) -> str:
    """Of a function without noise, many samples are not learnt worse than few.

    Mean absolute error on unseen architectures, after 8 and after 60 samples of a sum over
    decisions; a quarter more is allowed.
    """
    few, many = _errors(_fitted(subject, FEW)), _errors(_fitted(subject, MANY))
    said = f"mean absolute error {few:.3g} from {FEW} samples, {many:.3g} from {MANY}"
    require(many <= WORSE * few + 1e-6, said)
    return said


@law("predictor")
def fit_begins_anew(subject: Subject) -> None:
    """What fit learns depends on its arguments alone: the same calls give the same predictor.

    Resuming a study refits; so a fit must depend on nothing but its arguments, and own its
    seed.
    """
    unseen = sample(CELL, 10, seed=1)
    first = _fitted(subject, 20).predict(unseen)
    require(_same(first, _fitted(subject, 20).predict(unseen)), "another one predicts otherwise")
    again = _fitted(subject, 12)
    known = sample(CELL, 20)
    again.fit(CELL, known, truth(known))
    require(_same(first, again.predict(unseen)), "an earlier fit has left something behind")


@law("predictor")
def leaves_random_state(subject: Subject) -> None:
    """Fitting and predicting leave the global random generators as they were."""
    predictor, known = subject.build(), sample(CELL, 20)
    with generators_untouched():
        predictor.fit(CELL, known, truth(known))
        predictor.predict(known)


@law("predictor")
def is_as_sure_as_it_is_right(subject: Subject) -> str:
    """At least half of unseen values lie within two standard deviations of their mean.

    Acquisition functions trust `std`. The remark says what was covered; the law is lenient, at
    a half.
    """
    unseen = sample(CELL, 80, seed=5)
    mean, std = _fitted(subject, MANY, noise=0.02).predict(unseen)
    off = np.abs(mean - truth(unseen, 0.02))
    share = float((off <= 2 * std).mean())
    said = f"{share:.0%} of unseen values lie within two standard deviations, 95% if all is right"
    require(share >= COVERED, said)
    return said


@law("predictor")
def works_on_a_worker(subject: Subject) -> str:
    """It can be pickled and then predicts the same; if not, it is fitted anew to the same.

    Keep no lambdas, files or locks in attributes if you can.
    """
    predictor, unseen = _fitted(subject, 20), sample(CELL, 10, seed=1)
    first = predictor.predict(unseen)
    try:
        text = pickle.dumps(predictor)
    except Exception as error:  # noqa: BLE001 - what cannot be pickled raises anything
        remark = f"it is fitted anew: {type(error).__name__} in pickle"
        require(_same(first, _fitted(subject, 20).predict(unseen)), f"{remark}, to something else")
        return remark
    back = pickle.loads(text)  # noqa: S301 - just written here
    require(_same(first, back.predict(unseen)), "after pickling it predicts otherwise")
    return ""


@law("predictor")
def an_update_learns(subject: Subject) -> None:
    """After update with more samples, predictions are sound and no worse than before."""
    predictor, known = _fitted(subject, FEW), sample(CELL, MANY)
    before = _errors(predictor)
    predictor.update(CELL, known, truth(known))
    _sound(predictor.predict(known), MANY)
    after = _errors(predictor)
    said = f"the mean absolute error was {before:.3g}, and is {after:.3g} after the update"
    require(after <= WORSE * before + 1e-6, said)
