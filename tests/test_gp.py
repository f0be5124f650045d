"""Gaussian processes: against the textbook's formulas, and what their kernels see."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import nas
from nas_predictors.encodings import Encoder
from nas_predictors.gp_kernels import linear, product
from nas_predictors.gp_process import Process, Scaling

Floats = NDArray[np.float64]
CELLS = nas.space("nas201", cells=1, channels=4)


def matern52(a: Floats, b: Floats, length: float) -> Floats:
    """Rasmussen & Williams, equation 4.17, one pair at a time."""
    found = np.empty((len(a), len(b)))
    for i, j in itertools.product(range(len(a)), range(len(b))):
        r = np.sqrt(5 * ((a[i] - b[j]) ** 2).sum()) / length
        found[i, j] = (1 + r + r**2 / 3) * np.exp(-r)
    return found


@pytest.mark.parametrize("latent", [True, False])
def test_the_process_is_the_textbook_one(latent: bool) -> None:
    draws = np.random.default_rng(0)
    inputs, others = draws.normal(size=(12, 5)), draws.normal(size=(7, 5))
    scores = draws.normal(size=12)
    kernel = product([3, 2], smooth=False, ard=False)
    kernel.theta = np.log([1.7, 0.8, 2.5, 0.05])
    process = Process(product([3, 2], smooth=False, ard=False), like=Process(kernel))
    process.fit(inputs, scores)

    def covariance(a: Floats, b: Floats) -> Floats:
        return 1.7 * matern52(a[:, :3], b[:, :3], 0.8) * matern52(a[:, 3:], b[:, 3:], 2.5)

    noisy = covariance(inputs, inputs) + 0.05 * np.eye(12)
    between = covariance(others, inputs)
    mean = between @ np.linalg.inv(noisy) @ scores
    variance = 1.7 - np.diag(between @ np.linalg.inv(noisy) @ between.T)
    found = process.predict(others, latent=latent)
    assert found[0] == pytest.approx(mean, abs=1e-6)
    assert found[1] ** 2 == pytest.approx(variance + (0 if latent else 0.05), abs=1e-6)
    evidence = -scores @ np.linalg.inv(noisy) @ scores / 2
    evidence -= np.linalg.slogdet(noisy)[1] / 2 + 6 * np.log(2 * np.pi)
    assert process.evidence == pytest.approx(evidence, abs=1e-5)


def test_hyperparameters_are_more_likely_than_those_it_begins_with() -> None:
    draws = np.random.default_rng(0)
    inputs = draws.normal(size=(40, 3))
    scores = np.sin(2 * inputs[:, 0])  # the other columns mean nothing
    start = product([3], smooth=True, ard=True)
    kept = Process(product([3], smooth=True, ard=True), like=Process(start))
    kept.fit(inputs, scores)
    chosen = Process(product([3], smooth=True, ard=True))
    chosen.fit(inputs, scores)
    assert chosen.evidence > kept.evidence + 10
    relevant, *others = np.exp(chosen._kernel.theta[1:4])
    assert all(relevant < length for length in others)


def test_groups_are_scaled_to_unit_distance() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    rows[:, 4] *= 1000
    scaled = Scaling(rows, [3, 2])(rows)
    for part in (scaled[:, :3], scaled[:, 3:]):
        squared = [((a - b) ** 2).sum() for a in part for b in part]
        assert np.mean(squared) == pytest.approx(1)


def test_an_update_keeps_hyperparameters_and_learns() -> None:
    known = [CELLS.sample(random.Random(i)) for i in range(40)]
    values = [float(sum(v == "nor_conv_3x3" for v in a.values())) for a in known]
    for name in ("gp", "gp_wl"):
        predictor = nas.predictor(name)
        predictor.fit(CELLS, known[:30], values[:30])
        before = predictor.predict(known[30:])
        theta = predictor._process._kernel.theta  # type: ignore[attr-defined]
        predictor.update(CELLS, known, values)
        after = predictor.predict(known[30:])
        assert (predictor._process._kernel.theta == theta).all()  # type: ignore[attr-defined]
        error = [np.abs(np.array(values[30:]) - p.mean).mean() for p in (before, after)]
        assert error[1] < error[0] or name == "gp_wl"  # which sees live operations only
        predictor.fit(CELLS, known[:30], values[:30])
        assert (predictor.predict(known[30:]).mean == before.mean).all()


def test_an_update_before_a_fit_is_a_fit() -> None:
    known = [CELLS.sample(random.Random(i)) for i in range(20)]
    values = [float(len(str(a))) for a in known]
    first, second = nas.predictor("gp"), nas.predictor("gp")
    first.fit(CELLS, known, values)
    second.update(CELLS, known, values)
    assert (first.predict(known).mean == second.predict(known).mean).all()


@given(seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_isomorphic_cells_look_the_same_to_weisfeiler_and_lehman(seed: int) -> None:
    draws = random.Random(seed)
    cell = CELLS.sample(draws)
    values = dict(cell)
    # nodes 1 and 2 change places if nothing joins them
    values["edge_1_2"] = "none"
    swapped = {
        **values,
        "edge_0_1": values["edge_0_2"],
        "edge_0_2": values["edge_0_1"],
        "edge_1_3": values["edge_2_3"],
        "edge_2_3": values["edge_1_3"],
    }
    encoder = Encoder("wl")
    rows = encoder.fit(CELLS, [CELLS.architecture(values), CELLS.architecture(swapped)])
    assert (rows[0] == rows[1]).all()


def test_weisfeiler_and_lehman_tell_apart_what_counts_do_not() -> None:
    chain = {"edge_0_1": "nor_conv_1x1", "edge_1_2": "nor_conv_3x3", "edge_2_3": "skip_connect"}
    other = {"edge_0_1": "nor_conv_3x3", "edge_1_2": "nor_conv_1x1", "edge_2_3": "skip_connect"}
    rest = dict.fromkeys(["edge_0_2", "edge_0_3", "edge_1_3"], "none")
    cells = [CELLS.architecture({**rest, **edges}) for edges in (chain, other)]
    encoder = Encoder("wl")
    rows = encoder.fit(CELLS, cells)
    first = encoder.groups(rows.shape[1])[0]
    assert (rows[0, :first] == rows[1, :first]).all()
    assert (rows[0] != rows[1]).any()


def test_a_linear_kernel_is_linear_regression_with_a_prior() -> None:
    draws = np.random.default_rng(1)
    inputs, weights = draws.normal(size=(30, 4)), draws.normal(size=4)
    process = Process(linear())
    process.fit(inputs, inputs @ weights)
    mean, std = process.predict(np.eye(4), latent=True)
    assert mean == pytest.approx(weights, abs=0.05)
    assert (std < 0.1).all()
