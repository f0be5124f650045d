"""Confidence intervals against other ways to compute them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from nas.estimates import OverSeeds, bootstrap, estimate, wilson

Z = 1.959963984540054
shares = st.integers(1, 5_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


class TestWilson:
    @given(shares)
    def test_scipy_has_the_same(self, share: tuple[int, int]) -> None:
        theirs = binomtest(*share).proportion_ci(0.95, "wilson")
        assert wilson(*share) == pytest.approx((theirs.low, theirs.high), abs=1e-12)

    @given(shares)
    def test_its_ends_are_those_that_a_score_test_just_rejects(
        self, share: tuple[int, int]
    ) -> None:
        successes, n = share
        found = successes / n
        low, high = wilson(successes, n)
        assert 0 <= low <= found <= high <= 1
        for end in (low, high):
            if 0 < end < 1:
                standard_error = (end * (1 - end) / n) ** 0.5
                assert abs(found - end) == pytest.approx(Z * standard_error, rel=1e-6)

    def test_a_published_example(self) -> None:
        """Newcombe, Statistics in Medicine 17 (1998), 857-872, table I: 81 of 263, and 0 of 20."""
        assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
        assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)

    def test_it_covers_what_it_should(self) -> None:
        rng = np.random.default_rng(1)
        for share in (0.02, 0.3):
            drawn = rng.binomial(400, share, size=2_000)
            inside = [low <= share <= high for low, high in (wilson(int(k), 400) for k in drawn)]
            assert 0.92 < np.mean(inside) < 0.98


class TestBootstrap:
    def test_near_what_the_normal_distribution_gives(self) -> None:
        values = np.random.default_rng(2).normal(3.0, 2.0, size=1_000)
        half = Z * values.std() / len(values) ** 0.5
        low, high = bootstrap(values)
        assert low == pytest.approx(values.mean() - half, abs=0.02)
        assert high == pytest.approx(values.mean() + half, abs=0.02)

    def test_same_values_same_interval(self) -> None:
        values = np.random.default_rng(3).random(50)
        before = np.random.get_state()[1].tolist()
        assert bootstrap(values) == bootstrap(values.copy())
        assert np.random.get_state()[1].tolist() == before

    def test_a_large_split_needs_little_memory_at_once(self) -> None:
        values = np.random.default_rng(4).random(20_000)
        low, high = bootstrap(values)
        assert low < values.mean() < high
        assert high - low == pytest.approx(2 * Z * values.std() / 20_000**0.5, rel=0.1)

    def test_of_one_value(self) -> None:
        assert bootstrap(np.array([0.5])) == (0.5, 0.5)


class TestEstimate:
    def test_shares_and_other_means(self) -> None:
        of_share = estimate(np.array([0.0, 1.0, 1.0, 0.0]))
        assert (of_share.value, of_share.method, of_share.samples) == (0.5, "wilson", 4)
        assert (of_share.low, of_share.high) == wilson(2, 4)
        of_mean = estimate(np.array([0.0, 2.0]))
        assert (of_mean.value, of_mean.method) == (1.0, "bootstrap")
        assert (of_mean.low, of_mean.high) == (0.0, 2.0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_over_seeds(values: list[float]) -> None:
    found = OverSeeds.of(values)
    assert found.count == len(values)
    assert found.mean == pytest.approx(np.mean(values), abs=1e-6)
    assert found.std == pytest.approx(np.std(values, ddof=1), abs=1e-3)
