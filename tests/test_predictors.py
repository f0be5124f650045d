"""The gradient-boosted trees: what they promise for any data, and that they learn."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import nas
from nas_predictors.features import features
from nas_predictors.scores import NormalScores

TABLE = Path(__file__).parents[2] / "shared" / "data" / "nb201_cifar10.csv.gz"


class Toy(nas.Space):
    """Decisions without networks."""

    input_shape, classes = (1,), 2
    decisions: Sequence[nas.Categorical | nas.Integer] = ()

    def __init__(self, *decisions: nas.Categorical | nas.Integer) -> None:
        self.decisions = decisions

    def build(self, architecture: nas.Architecture) -> Any:
        raise AssertionError("a predictor builds no networks")


CELL = Toy(*(nas.Categorical(f"edge{i}", ["none", "skip", "conv"]) for i in range(8)))
CONDITIONAL = Toy(
    nas.Integer("depth", 1, 2),
    nas.Categorical("first", ["a", "b"]),
    nas.Categorical("second", ["a", "b"], when={"depth": [2]}),
)
SPACES = {
    "cell": CELL,
    "conditional": CONDITIONAL,
    "one point": Toy(nas.Categorical("only", ["x"])),
    "huge": Toy(*(nas.Integer(f"width{i}", 8, 80, step=8) for i in range(25))),
}


def sample(space: nas.Space, count: int, seed: int = 0) -> list[nas.Architecture]:
    draws = random.Random(seed)
    return [space.sample(draws) for _ in range(count)]


def error(architecture: nas.Architecture) -> float:
    """Convolutions help, the first edge most; without any the network does not learn at all."""
    convolutions = sum(value == "conv" for value in architecture.values())
    if not convolutions:
        return 0.9
    return 0.4 - 0.03 * convolutions - 0.1 * (architecture["edge0"] == "conv")


def fitted(
    architectures: Sequence[nas.Architecture],
    values: Sequence[float],
    space: nas.Space = CELL,
    **parameters: Any,
) -> nas.Predictor:
    predictor = nas.predictor("gbdt", **parameters)
    predictor.fit(space, architectures, values)
    return predictor


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's, with mean ranks for ties."""
    ranks = [np.unique(x, return_inverse=True, return_counts=True) for x in (a, b)]
    means = [(np.cumsum(counts) - counts / 2)[place] for _, place, counts in ranks]
    return float(np.corrcoef(*means)[0, 1])


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("count", [1, 2, 3, 30])
def test_predicts_within_reason_from_any_number_of_samples(space: nas.Space, count: int) -> None:
    known = sample(space, count)
    values = [random.Random(i).uniform(-5, 7) for i in range(count)]
    mean, std = fitted(known, values, space).predict(sample(space, 20, seed=1))
    assert mean.shape == std.shape == (20,)
    assert mean.dtype == std.dtype == np.float64
    assert ((min(values) - 1e-9 <= mean) & (mean <= max(values) + 1e-9)).all()
    assert ((std >= 0) & (std <= max(values) - min(values))).all()


@pytest.mark.parametrize("count", [1, 5, 40])
def test_constant_values_are_predicted_without_doubt(count: int) -> None:
    mean, std = fitted(sample(CELL, count), [0.1] * count).predict(sample(CELL, 9, seed=1))
    assert mean == pytest.approx([0.1] * 9)
    assert std == pytest.approx([0.0] * 9)


def test_the_same_calls_give_the_same_predictions() -> None:
    known, unseen = sample(CELL, 40), sample(CELL, 50, seed=1)
    values = [error(a) for a in known]
    predictor = fitted(sample(CONDITIONAL, 9), list(range(9)), CONDITIONAL)
    predictor.fit(CELL, known, values)
    np.random.seed(0)
    again = fitted(known, values)
    assert (predictor.predict(unseen).mean == again.predict(unseen).mean).all()
    assert (predictor.predict(unseen).std == again.predict(unseen).std).all()
    other = fitted(known, values, seed=1)
    assert (other.predict(unseen).mean != again.predict(unseen).mean).any()


def test_a_prediction_does_not_depend_on_its_company() -> None:
    predictor = fitted(sample(CELL, 40), [error(a) for a in sample(CELL, 40)])
    unseen = sample(CELL, 10, seed=1)
    together = predictor.predict(unseen)
    alone = [predictor.predict([a]) for a in unseen]
    assert together.mean == pytest.approx([p.mean[0] for p in alone])
    assert together.std == pytest.approx([p.std[0] for p in alone])
    assert predictor.predict([]).mean.shape == (0,)


def test_the_unit_of_the_metric_is_kept() -> None:
    known, unseen = sample(CELL, 60), sample(CELL, 50, seed=1)
    values = np.array([error(a) for a in known])
    mean, std = fitted(known, values.tolist()).predict(unseen)
    scaled_mean, scaled_std = fitted(known, (1000 * values - 5).tolist()).predict(unseen)
    assert scaled_mean == pytest.approx(1000 * mean - 5)
    assert scaled_std == pytest.approx(1000 * std)


def test_ranks_networks_it_has_not_seen() -> None:
    known = sample(CELL, 60)
    unseen = [a for a in sample(CELL, 300, seed=1) if a not in known]
    truth = np.array([error(a) for a in unseen])
    mean, _ = fitted(known, [error(a) for a in known]).predict(unseen)
    assert rank_correlation(mean, truth) > 0.85
    few, _ = fitted(known[:6], [error(a) for a in known[:6]]).predict(unseen)
    assert rank_correlation(few, truth) < rank_correlation(mean, truth)


def test_the_standard_deviation_covers_the_noise() -> None:
    draws = np.random.default_rng(0)
    known, unseen = sample(CELL, 150), sample(CELL, 300, seed=1)
    clean = np.array([error(a) for a in known])
    truth = np.array([error(a) for a in unseen]) + draws.normal(0, 0.05, 300)
    mean, std = fitted(known, (clean + draws.normal(0, 0.05, 150)).tolist()).predict(unseen)
    within = np.abs(mean - truth) / std
    assert 0.55 < (within < 1).mean() < 0.85
    assert 0.88 < (within < 2).mean() <= 1
    _, sure = fitted(known, clean.tolist()).predict(unseen)
    assert np.median(sure) < np.median(std) / 2


@pytest.mark.parametrize(
    ("architectures", "values", "complaint"),
    [
        (0, [], "0 values for 0 architectures"),
        (3, [1.0, 2.0], "2 values for 3 architectures"),
        (2, [1.0, float("nan")], "value 1 is nan; all must be finite"),
        (2, [float("inf"), 1.0], "value 0 is inf"),
    ],
)
def test_data_it_cannot_learn_from_is_named(
    architectures: int, values: list[float], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        fitted(sample(CELL, architectures), values)


def test_predicting_before_learning_is_an_error_that_says_so() -> None:
    with pytest.raises(nas.StudyError, match="must be fitted before"):
        nas.predictor("gbdt").predict(sample(CELL, 1))


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"members": 1}, "members must be a whole number of at least 2, not 1"),
        ({"trees": 2.5}, "trees must be a whole number"),
        ({"depth": 0}, "depth must be"),
        ({"rate": 0.0}, "rate must be above 0 and at most 1, not 0.0"),
        ({"tree": 5}, "Did you mean 'trees'"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(
    parameters: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(nas.ComponentError, match=complaint):
        nas.predictor("gbdt", **parameters)


def test_features_are_the_encoding_and_how_often_each_value_occurs() -> None:
    architectures = sample(CELL, 20)
    rows = features(CELL, architectures)
    assert rows.shape == (20, 8 * 3 + 3)
    for row, architecture in zip(rows, architectures, strict=True):
        assert (row[:24] == CELL.one_hot(architecture)).all()
        counted = [list(architecture.values()).count(v) for v in ("none", "skip", "conv")]
        assert row[24:].tolist() == counted


def test_features_count_active_decisions_only() -> None:
    short = CONDITIONAL.architecture({"depth": 1, "first": "b"})
    long = CONDITIONAL.architecture({"depth": 2, "first": "b", "second": "b"})
    assert features(CONDITIONAL, [short, long])[:, -2:].tolist() == [[0, 1], [0, 2]]


values = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=30)


@given(values)
def test_normal_scores_keep_order_and_ties_and_lead_back(drawn: list[float]) -> None:
    array = np.array(drawn)
    scores = NormalScores(array)
    for i, j in np.ndindex(len(array), len(array)):
        assert (array[i] < array[j]) == (scores.training[i] < scores.training[j])
    mean, std = scores.moments(scores.training, np.zeros(len(array)))
    assert mean == pytest.approx(array)
    assert std == pytest.approx(np.zeros(len(array)), abs=1e-6)


def test_moments_are_those_of_the_distribution_carried_back() -> None:
    draws = np.random.default_rng(0)
    scores = NormalScores(draws.exponential(size=400))
    centre, width = np.array([-0.5, 0.0, 1.0]), np.array([0.3, 1.0, 0.5])
    mean, std = scores.moments(centre, width)
    for i in range(3):
        many = draws.normal(centre[i], width[i], 20_000)
        carried, _ = scores.moments(many, np.zeros(len(many)))
        assert mean[i] == pytest.approx(carried.mean(), rel=0.05)
        assert std[i] == pytest.approx(carried.std(), rel=0.1)


@pytest.mark.skipif(not TABLE.exists(), reason="needs the table of NAS-Bench-201")
@pytest.mark.parametrize(("samples", "expected"), [(50, 0.78), (200, 0.87)])
def test_ranks_unseen_networks_of_nas_bench_201(samples: int, expected: float) -> None:
    """CIFAR-10 validation accuracy; no network is in both parts in any of its spellings."""
    space = nas.space("nas201")
    with gzip.open(TABLE, "rt") as file:
        rows = list(csv.DictReader(file))
    classes: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        classes.setdefault(row["unique_str"], []).append(row)

    def correlation(seed: int) -> float:
        draws = random.Random(seed)
        drawn = [draws.choice(c) for c in draws.sample(list(classes.values()), samples + 1000)]
        members = [space.parse(row["arch_str"]) for row in drawn]
        accuracy = [float(row["cifar10_valid"]) for row in drawn]
        predictor = fitted(members[:samples], accuracy[:samples], space)
        mean, _ = predictor.predict(members[samples:])
        return rank_correlation(mean, np.array(accuracy[samples:]))

    assert np.mean([correlation(seed) for seed in range(3)]) > expected
