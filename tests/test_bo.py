"""Bayesian optimisation: what it expects to gain, where it looks for it, and what it knows."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import nas
from nas import pareto
from nas.seeds import rng as stream
from nas_strategies.acquisition import (
    expected_hypervolume_improvement,
    expected_improvement,
    expected_scalar_improvement,
)
from nas_strategies.neighbourhood import Neighbourhood
from nas_strategies.scales import SCALES

DRAWS = 200_000
CELLS = nas.space("nas201", cells=1, channels=4)


def test_expected_improvement_is_the_mean_over_draws() -> None:
    draws = np.random.default_rng(0)
    mean, std = np.array([0.3, -1.0, 2.0]), np.array([0.5, 1.5, 0.1])
    losses = mean + std * draws.standard_normal((DRAWS, 3))
    expected = np.maximum(0.2 - losses, 0).mean(axis=0)
    assert expected_improvement(0.2, mean, std) == pytest.approx(expected, abs=0.01)


def test_without_doubt_the_improvement_is_certain() -> None:
    found = expected_improvement(1.0, np.array([0.25, 1.5]), np.zeros(2))
    assert found == pytest.approx([0.75, 0.0], abs=1e-9)


@pytest.mark.parametrize("front", [[(0.5, 0.5)], [(0.1, 0.8), (0.4, 0.5), (0.9, 0.2)], []])
def test_expected_hypervolume_improvement_is_the_mean_over_draws(
    front: list[tuple[float, float]],
) -> None:
    draws = np.random.default_rng(0)
    mean, std = np.array([[0.4, 0.3], [0.9, 0.9]]), np.array([[0.3, 0.2], [0.4, 0.1]])
    reference = (1.0, 1.0)
    base = pareto.hypervolume(front, reference)
    expected = []
    for row in range(2):
        points = mean[row] + std[row] * draws.standard_normal((1_000, 2))
        gains = [pareto.hypervolume([*front, tuple(p)], reference) - base for p in points]
        expected.append(float(np.mean(gains)))
    known = np.array(front).reshape(-1, 2)
    found = expected_hypervolume_improvement(known, np.array(reference), mean, std)
    assert found == pytest.approx(expected, abs=0.03)


def test_a_scalarisation_prefers_what_is_better_in_everything() -> None:
    known = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    mean = np.array([[0.5, 0.5, 0.5], [2.0, 2.0, 2.0], [5.0, 5.0, 5.0]])
    spread = np.full((3, 3), 0.01)
    for seed in range(10):
        draws = np.random.default_rng(seed)
        best, _, worst = expected_scalar_improvement(known, mean, spread, draws)
        assert best > 0
        assert worst == 0


columns = arrays(
    float, st.tuples(st.integers(1, 12), st.just(2)), elements=st.integers(-50, 50).map(float)
)


@pytest.mark.parametrize("scale", SCALES)
@given(losses=columns)
def test_a_scale_keeps_the_order(scale: str, losses: np.ndarray) -> None:
    scaled = SCALES[scale](losses)
    assert scaled.shape == losses.shape
    assert np.isfinite(scaled).all()
    for before, after in zip(losses.T, scaled.T, strict=True):
        for i in range(len(before)):
            assert ((before < before[i]) == (after < after[i])).all()


@pytest.mark.parametrize("draws", [50, 400])
def test_the_neighbourhood_finds_a_maximum(draws: int) -> None:
    weights = np.random.default_rng(0).normal(size=30)
    space = Flat()

    def gain(architectures: list[nas.Architecture]) -> np.ndarray:
        return np.array([space.encode(a) @ weights for a in architectures])

    best = 4 * weights[weights > 0].sum()
    found = Neighbourhood(space, draws).search(gain, [space.sample(random.Random(0))], stream(0))
    uniform = max(gain([space.sample(random.Random(i)) for i in range(6 * draws)]))
    assert best >= gain(found[:1])[0] > uniform


class Flat(nas.Space):
    """30 decisions that do not know of each other."""

    input_shape, classes = (1,), 2
    decisions = tuple(nas.Integer(f"d{i}", 0, 4) for i in range(30))

    def build(self, architecture: nas.Architecture) -> nas.Space:
        raise AssertionError("nothing is built")


def error(architecture: nas.Architecture) -> float:
    """The best of 15,625 cells has three convolutions in a row and skips beside them."""
    wanted = ["nor_conv_3x3", "skip_connect", "nor_conv_3x3", "skip_connect", "none"]
    right = sum(value == want for value, want in zip(architecture.values(), wanted, strict=False))
    return 0.9 - 0.1 * right - 0.02 * (list(architecture.values())[-1] == "nor_conv_3x3")


def run(strategy: nas.Strategy, trials: int, seed: int, ahead: int = 1) -> list[nas.Trial]:
    """Ask and tell; ``ahead`` proposals are under way at once."""
    strategy.start(nas.Problem(CELLS, (nas.Goal("error"),), seed))
    asked: list[nas.Architecture] = []
    told: list[nas.Trial] = []
    while len(told) < trials:
        asked.append(strategy.ask(stream(seed, "proposal", len(asked))).architecture)
        if len(asked) >= ahead:
            number = len(told)
            loss = error(asked[number])
            told.append(nas.Trial(number, asked[number], nas.Status.COMPLETE, (loss,)))
            strategy.tell(told[-1])
    return told


@pytest.mark.parametrize("ahead", [1, 6])
def test_finds_the_best_of_a_simple_space_soon(ahead: int) -> None:
    trials = run(nas.strategy("bo", candidates=300), 45, seed=0, ahead=ahead)
    assert len({CELLS.canonical_id(t.architecture) for t in trials}) == 45
    best = min(error(a) for a in CELLS.architectures())
    assert min(t.losses[0] for t in trials) == pytest.approx(best)
    random_best = min(t.losses[0] for t in run(nas.strategy("random"), 45, seed=0))
    assert random_best > best


def test_what_is_under_way_is_not_proposed_around() -> None:
    """Ten proposals at once are spread: what is expected of the first nine is allowed for."""
    strategy = nas.strategy("bo", candidates=300)
    run(strategy, 20, seed=1)
    more = [strategy.ask(stream(9, "proposal", i)).architecture for i in range(10)]
    assert len({CELLS.canonical_id(a) for a in more}) == 10


def test_the_first_trials_are_the_best_of_several_by_a_proxy() -> None:
    def params(trials: list[nas.Trial]) -> float:
        sizes = [sum(p.numel() for p in CELLS.build(t.architecture).parameters()) for t in trials]
        return float(np.mean(sizes))

    plain = run(nas.strategy("bo"), 8, seed=0)
    chosen = run(nas.strategy("bo", first_by="params", first_of=5), 8, seed=0)
    assert params(chosen) > 1.1 * params(plain)


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        ({"candidates": 0}, "candidates"),
        ({"scale": "square"}, "scale"),
        ({"first_of": 1}, "first_of"),
        ({"first_by": 3}, "a proxy is a name"),
        ({"predictor": []}, "a predictor is a name"),
        ({"predictor": "pg"}, "did you mean 'gp'"),
    ],
)
def test_bad_parameters_are_named(parameters: dict[str, object], complaint: str) -> None:
    with pytest.raises(nas.NASError, match=f"(?i){complaint}"):
        nas.strategy("bo", **parameters)


def test_a_strategy_built_by_hand_says_what_it_lacks() -> None:
    from nas_strategies.bo import BayesianOptimisation

    with pytest.raises(nas.StudyError, match="expected a built predictor"):
        BayesianOptimisation().start(nas.Problem(CELLS, (nas.Goal("error"),), 0))
