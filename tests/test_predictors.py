"""Predictors: what all of them promise for any data, and that they learn."""

from __future__ import annotations

import csv
import gzip
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from decided import Decided
from numpy.typing import NDArray

import nas

TABLE = Path(__file__).parents[2] / "shared" / "data" / "nb201_cifar10.csv.gz"


CELL = Decided(*(nas.Categorical(f"edge{i}", ["none", "skip", "conv"]) for i in range(8)))
CONDITIONAL = Decided(
    nas.Integer("depth", 1, 2),
    nas.Categorical("first", ["a", "b"]),
    nas.Categorical("second", ["a", "b"], when={"depth": [2]}),
)
SPACES = {
    "cell": CELL,
    "conditional": CONDITIONAL,
    "one point": Decided(nas.Categorical("only", ["x"])),
    "huge": Decided(*(nas.Integer(f"width{i}", 8, 80, step=8) for i in range(25))),
}


SMALL = {**SPACES, "mlp": nas.space("mlp"), "nothing to decide": Decided()}
del SMALL["huge"]


def sample(space: nas.Space, count: int, seed: int = 0) -> list[nas.Architecture]:
    draws = random.Random(seed)
    return [space.sample(draws) for _ in range(count)]


def error(architecture: nas.Architecture) -> float:
    """Convolutions help, the first edge most; without any the network does not learn at all."""
    convolutions = sum(value == "conv" for value in architecture.values())
    if not convolutions:
        return 0.9
    return 0.4 - 0.03 * convolutions - 0.1 * (architecture["edge0"] == "conv")


QUICK: dict[str, dict[str, Any]] = {
    "gbdt": {"members": 5, "trees": 40},
    "gp": {},
    "gp_wl": {},
    "mlp_ensemble": {"steps": 40},
    "random_forest": {"trees": 40},
    "ridge": {},
}
"""Predictors, and what spares the tests time."""
ROUGH: dict[str, dict[str, Any]] = {
    "gbdt": {"members": 2, "trees": 5},
    "gp": {"samples": 60},
    "gp_wl": {"samples": 60},
    "mlp_ensemble": {"steps": 4},
    "random_forest": {"trees": 5},
    "ridge": {},
}
ENCODINGS = ["one_hot", "counts", "pairwise", "adjacency", "path", "graph", "wl"]


def fitted(
    name: str,
    architectures: Sequence[nas.Architecture],
    values: Sequence[float],
    space: nas.Space = CELL,
    **parameters: Any,
) -> nas.Predictor:
    predictor = nas.predictor(name, **{**QUICK[name], **parameters})
    predictor.fit(space, architectures, values)
    return predictor


def roughly(name: str, *data: Any, **parameters: Any) -> nas.Predictor:
    """Return what has learnt little in little time."""
    return fitted(name, *data, **{**ROUGH[name], **parameters})


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's, with mean ranks for ties."""
    ranks = [np.unique(x, return_inverse=True, return_counts=True) for x in (a, b)]
    means = [(np.cumsum(counts) - counts / 2)[place] for _, place, counts in ranks]
    return float(np.corrcoef(*means)[0, 1])


@pytest.mark.parametrize("name", QUICK)
class TestAnyData:
    @pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
    @pytest.mark.parametrize("count", [1, 2, 3, 30])
    def test_within_reason_from_any_number_of_samples(
        self, name: str, space: nas.Space, count: int
    ) -> None:
        known = sample(space, count)
        values = [random.Random(i).uniform(-5, 7) for i in range(count)]
        mean, std = roughly(name, known, values, space).predict(sample(space, 20, seed=1))
        assert mean.shape == std.shape == (20,)
        assert mean.dtype == std.dtype == np.float64
        assert ((min(values) - 1e-9 <= mean) & (mean <= max(values) + 1e-9)).all()
        assert ((std >= 0) & (std <= max(values) - min(values))).all()

    @pytest.mark.parametrize("target", ["normal", "log", "raw"])
    @pytest.mark.parametrize("count", [1, 5, 40])
    def test_constant_values_are_predicted_without_doubt(
        self, name: str, target: str, count: int
    ) -> None:
        predictor = roughly(name, sample(CELL, count), [0.1] * count, target=target)
        mean, std = predictor.predict(sample(CELL, 9, seed=1))
        assert mean == pytest.approx([0.1] * 9)
        assert std == pytest.approx([0.0] * 9)

    @pytest.mark.parametrize("encoding", ENCODINGS)
    @pytest.mark.parametrize("space", SMALL.values(), ids=SMALL)
    def test_every_encoding_of_every_space(
        self, name: str, encoding: str, space: nas.Space
    ) -> None:
        if name == "gp_wl":
            pytest.skip("its encoding is its kernel's")
        known, unseen = sample(space, 12), sample(space, 6, seed=1)
        values = [float(i % 5) for i in range(12)]
        mean, std = roughly(name, known, values, space, encoding=encoding).predict(unseen)
        assert np.isfinite(mean).all()
        assert (std >= 0).all()
        assert np.isfinite(std).all()

    @pytest.mark.parametrize("target", ["log", "raw"])
    def test_values_of_any_size(self, name: str, target: str) -> None:
        values = [10.0 ** (i % 60 * 10 - 300) for i in range(40)]
        mean, std = roughly(name, sample(CELL, 40), values, target=target).predict(sample(CELL, 9))
        assert np.isfinite(mean).all()
        assert np.isfinite(std).all()

    def test_thousands_of_samples(self, name: str) -> None:
        known = sample(CELL, 3_000)
        predictor = roughly(name, known, [error(a) for a in known])
        mean, _ = predictor.predict(known)  # in more than one part
        assert mean.shape == (3_000,)
        assert mean[:50] == pytest.approx(predictor.predict(known[:50]).mean, abs=1e-6)

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
        self, name: str, architectures: int, values: list[float], complaint: str
    ) -> None:
        with pytest.raises(ValueError, match=complaint):
            roughly(name, sample(CELL, architectures), values)

    def test_logarithms_want_positive_values(self, name: str) -> None:
        with pytest.raises(ValueError, match="value 1 is 0; take 'normal' or 'raw'"):
            roughly(name, sample(CELL, 2), [1.0, 0.0], target="log")

    def test_predicting_before_learning_is_an_error_that_says_so(self, name: str) -> None:
        for architectures in (sample(CELL, 1), []):
            with pytest.raises(nas.StudyError, match="must be fitted before"):
                nas.predictor(name).predict(architectures)


@pytest.mark.parametrize("name", QUICK)
class TestPredictions:
    def test_the_seed_is_for_those_who_draw(self, name: str) -> None:
        known, unseen = sample(CELL, 40), sample(CELL, 50, seed=1)
        values = [error(a) for a in known]
        first, other = (fitted(name, known, values, seed=s).predict(unseen) for s in (0, 1))
        draws = name not in ("ridge", "gp", "gp_wl")
        assert (first.mean != other.mean).any() == draws

    def test_nothing_global_is_touched(self, name: str) -> None:
        known, unseen = sample(CELL, 12), sample(CELL, 5, seed=1)
        values = [error(a) for a in known]
        expected = fitted(name, known, values).predict(unseen)
        threads = torch.get_num_threads()
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
        try:
            torch.set_num_threads(2)
            with torch.inference_mode():  # whatever the caller is at
                found = fitted(name, known, values).predict(unseen)
            assert torch.get_num_threads() == 2
        finally:
            torch.set_num_threads(threads)
        assert (found.mean == expected.mean).all()
        assert random.getstate() == before[0]
        assert np.random.get_state()[1].tolist() == before[1]
        assert (torch.get_rng_state() == before[2]).all()

    def test_a_prediction_does_not_depend_on_its_company(self, name: str) -> None:
        predictor = fitted(name, sample(CELL, 40), [error(a) for a in sample(CELL, 40)])
        unseen = sample(CELL, 10, seed=1)
        together = predictor.predict(unseen)
        alone = [predictor.predict([a]) for a in unseen]
        assert together.mean == pytest.approx([p.mean[0] for p in alone], rel=1e-5)
        assert together.std == pytest.approx([p.std[0] for p in alone], rel=1e-5)
        assert predictor.predict([]).mean.shape == (0,)

    @pytest.mark.parametrize("target", ["normal", "raw"])
    def test_the_unit_of_the_metric_is_kept(self, name: str, target: str) -> None:
        known, unseen = sample(CELL, 60), sample(CELL, 50, seed=1)
        values = np.array([error(a) for a in known])
        mean, std = fitted(name, known, values.tolist(), target=target).predict(unseen)
        scaled = fitted(name, known, (1024 * values).tolist(), target=target).predict(unseen)
        assert scaled.mean == pytest.approx(1024 * mean, rel=1e-4)
        assert scaled.std == pytest.approx(1024 * std, rel=1e-4)

    @pytest.mark.parametrize("target", ["normal", "log", "raw"])
    def test_ranks_networks_it_has_not_seen(self, name: str, target: str) -> None:
        known = sample(CELL, 60)
        unseen = [a for a in sample(CELL, 300, seed=1) if a not in known]
        truth = np.array([error(a) for a in unseen])
        values = np.array([error(a) for a in known])
        mean, _ = fitted(name, known, values.tolist(), target=target).predict(unseen)
        assert rank_correlation(mean, truth) > 0.8
        assert np.mean((mean - truth) ** 2) < 0.7 * np.mean((values.mean() - truth) ** 2)
        few, _ = fitted(name, known[:6], values[:6].tolist(), target=target).predict(unseen)
        assert rank_correlation(few, truth) < rank_correlation(mean, truth)

    @pytest.mark.parametrize("target", ["normal", "log", "raw"])
    def test_the_standard_deviation_covers_the_noise(self, name: str, target: str) -> None:
        draws = np.random.default_rng(0)
        known, unseen = sample(CELL, 150), sample(CELL, 300, seed=1)
        clean = np.array([error(a) for a in known])
        truth = np.array([error(a) for a in unseen]) + draws.normal(0, 0.05, 300)
        noisy = np.maximum(clean + draws.normal(0, 0.05, 150), 1e-3)
        mean, std = fitted(name, known, noisy.tolist(), target=target).predict(unseen)
        within = np.abs(mean - truth) / std
        assert 0.55 < (within < 1).mean() < 0.9
        assert 0.88 < (within < 2).mean() <= 1
        _, sure = fitted(name, known, clean.tolist(), target=target).predict(unseen)
        assert np.median(sure) < np.median(std)


@pytest.mark.parametrize("name", [name for name in QUICK if name != "gp_wl"])
class TestExtraFeatures:
    def test_they_tell_what_the_encoding_does_not(self, name: str) -> None:
        def score(architectures: Sequence[nas.Architecture]) -> NDArray[np.float64]:
            products = [hash_like(a) for a in architectures]
            return np.array(products, dtype=np.float64)[:, None] * 1e6

        known, unseen = sample(CELL, 60), sample(CELL, 100, seed=1)
        truth = np.array([hash_like(a) for a in unseen])
        without = fitted(name, known, [hash_like(a) for a in known]).predict(unseen)
        predictor = nas.predictor(name, **QUICK[name])
        assert predictor.takes_features
        predictor.extra = score
        predictor.fit(CELL, known, [hash_like(a) for a in known])
        with_it = predictor.predict(unseen)
        found = rank_correlation(with_it.mean, truth)
        assert found > rank_correlation(without.mean, truth) + 0.3

    def test_what_is_not_known_does_no_harm(self, name: str) -> None:
        def score(architectures: Sequence[nas.Architecture]) -> NDArray[np.float64]:
            rows = [[np.nan, float("inf"), -1e300, error(a)] for a in architectures]
            for row, architecture in zip(rows, architectures, strict=True):
                if architecture["edge1"] == "none":
                    row[-1] = np.nan
            return np.array(rows)

        known, unseen = sample(CELL, 60), sample(CELL, 100, seed=1)
        predictor = nas.predictor(name, **QUICK[name])
        predictor.extra = score
        predictor.fit(CELL, known, [error(a) for a in known])
        mean, std = predictor.predict(unseen)
        assert np.isfinite(std).all()
        assert rank_correlation(mean, np.array([error(a) for a in unseen])) > 0.85


def hash_like(architecture: nas.Architecture) -> float:
    """A value that no smooth function of the decisions gives."""
    return random.Random(architecture.to_json()).random()


@pytest.mark.parametrize(
    ("name", "parameters", "complaint"),
    [
        ("gbdt", {"members": 1}, "members must be a whole number of at least 2, not 1"),
        ("gbdt", {"trees": 2.5}, "trees must be a whole number"),
        ("gbdt", {"depth": 0}, "depth must be"),
        ("gbdt", {"rate": 0.0}, "rate must be above 0 and at most 1, not 0.0"),
        ("gbdt", {"tree": 5}, "Did you mean 'trees'"),
        ("gbdt", {"encoding": "onehot"}, "Did you mean 'one_hot'"),
        ("ridge", {"target": "logs"}, "Did you mean 'log'"),
        ("ridge", {"seed": -1}, "seed must be a whole number of at least 0"),
        ("random_forest", {"trees": 1}, "trees must be a whole number of at least 2"),
        ("random_forest", {"leaf": 0}, "leaf must be"),
        ("random_forest", {"features": 1.5}, "features must be above 0 and at most 1, not 1.5"),
        ("mlp_ensemble", {"members": 1}, "members must be a whole number of at least 2"),
        ("mlp_ensemble", {"rate": 0}, "rate must be a finite number above 0"),
        ("mlp_ensemble", {"decay": -1}, "decay must be a finite number of at least 0"),
        ("mlp_ensemble", {"loss": "maee"}, "Did you mean 'mae'"),
    ],
)
def test_a_parameter_that_makes_no_sense_is_named(
    name: str, parameters: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(nas.ComponentError, match=complaint):
        nas.predictor(name, **parameters)


@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_networks_learn_all_that_there_is_to_learn(loss: str) -> None:
    known = sample(CELL, 60)
    values = np.array([error(a) for a in known])
    predictor: Any = fitted("mlp_ensemble", known, values.tolist(), target="raw", loss=loss)
    scores = (values - values.mean()) / values.std()
    error_of = np.abs(predictor._members(predictor._unit(predictor._encoder.rows(known))) - scores)
    kept = predictor._kept(len(known))
    assert (kept.mean(axis=0) == 0.8).all()  # each is left out by a fifth of the members
    assert error_of[kept].mean() < error_of[~kept].mean() / 3


def test_ridge_is_the_posterior_of_its_own_variances() -> None:
    """Against the textbook formula with all weights, more of them than samples."""
    known, unseen = sample(CELL, 25), sample(CELL, 40, seed=1)
    values = np.array([error(a) for a in known])
    predictor: Any = fitted("ridge", known, values.tolist(), encoding="pairwise", target="raw")
    mean, std = predictor.predict(unseen)
    inputs, others = (predictor._unit(predictor._encoder.rows(a)) for a in (known, unseen))
    noise, prior = predictor._model.alpha_, predictor._model.lambda_
    covariance = np.linalg.inv(noise * inputs.T @ inputs + prior * np.eye(inputs.shape[1]))
    scores = (values - values.mean()) / values.std()
    weights = noise * covariance @ inputs.T @ scores
    variance = 1 / noise + np.einsum("ij,jk,ik->i", others, covariance, others)
    assert inputs.shape[0] < inputs.shape[1]
    assert mean == pytest.approx(values.mean() + values.std() * others @ weights, abs=1e-4)
    assert std == pytest.approx(values.std() * np.sqrt(variance), rel=1e-3)


def test_a_forest_is_as_sure_as_it_was_right_out_of_bag() -> None:
    known = sample(CELL, 80)
    draws = np.random.default_rng(0)
    values = [error(a) + draws.normal(0, 0.05) for a in known]
    forest: Any = fitted("random_forest", known, values, target="raw")
    mean, std = forest.predict(known)
    trees = np.stack([t.predict(forest._encoder.rows(known)) for t in forest._forest.estimators_])
    variance = trees.var(axis=0)  # leaves hold one value, or equal ones
    spread = (std / np.std(values)) ** 2
    assert mean == pytest.approx(np.mean(values) + np.std(values) * trees.mean(axis=0))
    assert np.corrcoef(spread, variance)[0, 1] > 0.9


@pytest.mark.skipif(not TABLE.exists(), reason="needs the table of NAS-Bench-201")
@pytest.mark.parametrize(
    ("name", "samples", "expected"),
    [
        ("gbdt", 50, 0.78),
        ("gbdt", 200, 0.87),
        ("mlp_ensemble", 200, 0.87),
        ("random_forest", 200, 0.84),
        ("ridge", 200, 0.84),
    ],
)
def test_ranks_unseen_networks_of_nas_bench_201(name: str, samples: int, expected: float) -> None:
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
        predictor = nas.predictor(name)
        predictor.fit(space, members[:samples], accuracy[:samples])
        mean, _ = predictor.predict(members[samples:])
        return rank_correlation(mean, np.array(accuracy[samples:]))

    assert np.mean([correlation(seed) for seed in range(3)]) > expected
