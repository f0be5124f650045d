"""Ranks, aggregates of them, and correlations, against slow and obvious ones."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

import nas
from nas.abstract.aggregate import ranks
from nas.cli.rank import verdict
from nas.ranking import rankings, spearman, top_overlap

numbers = st.floats(-1e6, 1e6).map(lambda x: round(x, 1))
pairs = st.integers(5, 40).flatmap(
    lambda n: st.tuples(st.lists(numbers, min_size=n, max_size=n), st.permutations(range(n)))
)


@given(st.lists(numbers, min_size=1, max_size=50))
def test_ranks_are_those_of_scipy(values: list[float]) -> None:
    assert ranks(values).tolist() == stats.rankdata(values).tolist()


def test_what_has_no_score_ranks_last() -> None:
    assert ranks([3.0, math.nan, 1.0, math.nan]).tolist() == [4.0, 1.5, 3.0, 1.5]


@settings(deadline=None, max_examples=30)
@given(pairs)
def test_correlations_are_those_of_scipy(pair: tuple[list[float], list[int]]) -> None:
    a, b = np.array(pair[0]), np.array(pair[1], dtype=float)
    found = spearman(a, b)
    if found is None:
        assert np.ptp(a) == 0
        return
    assert found == pytest.approx(stats.spearmanr(a, b).statistic)
    (ranking,) = rankings({"a": a.tolist()}, b)
    assert ranking.kendall == pytest.approx(stats.kendalltau(a, b).statistic)
    assert ranking.low is not None
    assert ranking.high is not None
    assert -1 <= ranking.low <= ranking.high <= 1


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    source, inside = np.random.default_rng(1), 0
    truth = 6 / math.pi * math.asin(0.6 / 2)  # Spearman's of a normal pair that correlates by 0.6
    for _ in range(100):
        a = source.standard_normal(60)
        b = 0.6 * a + 0.8 * source.standard_normal(60)
        (ranking,) = rankings({"a": a.tolist()}, b)
        inside += (ranking.low or 0) <= truth <= (ranking.high or 0)
    assert 85 <= inside <= 100


def test_what_only_follows_size_tells_nothing_beyond_it() -> None:
    source = np.random.default_rng(0)
    size = source.permutation(300).astype(float)
    skill = source.standard_normal(300)
    outcome = size / 100 + skill
    scores = {"size": size.tolist(), "noise": source.standard_normal(300).tolist()}
    scores |= {"follower": (size + source.standard_normal(300)).tolist(), "skill": skill.tolist()}
    by_name = {r.name: r for r in rankings(scores, outcome, size)}
    assert by_name["size"].partial is None
    assert (by_name["follower"].spearman or 0) > 0.5
    assert abs(by_name["follower"].partial or 0) < 0.2
    assert (by_name["skill"].partial or 0) > 0.8
    assert abs(by_name["noise"].spearman or 0) < 0.2


def test_too_few_and_all_equal_say_nothing() -> None:
    found = rankings(
        {"few": [1.0, 2.0, math.nan, math.nan, 3.0, math.nan], "equal": [1.0] * 6}, range(6)
    )
    assert [(r.name, r.n, r.spearman) for r in found] == [("few", 3, None), ("equal", 6, None)]


def test_an_aggregate_is_its_formula() -> None:
    first, second = [1.0, 5.0, 3.0], [10.0, 10.0, math.nan]
    log_rank = nas.Aggregate(["a", "b"]).combine([first, second])
    assert log_rank == pytest.approx(
        [math.log(1 / 3) + math.log(2.5 / 3), math.log(2.5 / 3), math.log(2 / 3) + math.log(1 / 3)]
    )
    mean_rank = nas.Aggregate(["a", "b"], "mean_rank").combine([first, second])
    assert mean_rank == pytest.approx([3.5 / 6, 5.5 / 6, 3 / 6])


@given(st.lists(numbers, min_size=2, max_size=30, unique=True), st.sampled_from([0.5, 3.0]))
def test_an_aggregate_sees_ranks_only(values: list[float], power: float) -> None:
    """A monotone change of one proxy's scale changes nothing."""
    aggregate = nas.Aggregate(["a", "b"])
    other = list(range(len(values)))
    changed = [math.copysign(abs(v) ** power, v) for v in values]
    if len(set(changed)) == len(set(values)):
        assert np.array_equal(
            aggregate.combine([values, other]), aggregate.combine([changed, other])
        )


@pytest.mark.parametrize("wrong", [{"proxies": []}, {"proxies": "ab"}, {"rule": "rank"}])
def test_an_aggregate_refuses_what_cannot_be_meant(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"proxies is a list|rule must be one of"):
        nas.Aggregate(**{"proxies": ["a"], **wrong})  # type: ignore[arg-type]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8), st.data())
def test_the_overlap_is_the_mean_over_all_ways_to_break_ties(
    found: list[tuple[int, int]], data: st.DataObject
) -> None:
    """By listing every top set there can be, of scores and of outcomes."""
    score, outcome = [s for s, _ in found], [o for _, o in found]
    top = data.draw(st.integers(1, len(found)))
    shares = [len(set(a) & set(b)) / top for a in _tops(score, top) for b in _tops(outcome, top)]
    assert top_overlap(score, outcome, top) == pytest.approx(sum(shares) / len(shares))


def _tops(values: list[int], top: int) -> list[tuple[int, ...]]:
    best = sum(sorted(values)[-top:])
    sets = itertools.combinations(range(len(values)), top)
    return [one for one in sets if sum(values[i] for i in one) == best]


def test_the_top_is_a_tenth_unless_it_is_said() -> None:
    outcome = list(range(40))
    score = [*range(38), -1, 100]  # the best is its best, the second its worst
    (tenth,) = rankings({"a": score}, outcome)
    assert (tenth.top, tenth.overlap) == (4, 0.75)
    (one,) = rankings({"a": score}, outcome, top=1)
    assert (one.top, one.overlap) == (1, 1.0)
    (everything,) = rankings({"a": score}, outcome, top=1000)
    assert (everything.top, everything.overlap) == (40, 1.0)


def test_a_score_of_some_networks_has_to_beat_the_line_over_these() -> None:
    rng = np.random.default_rng(0)
    outcome = np.arange(40.0)
    size = outcome.copy()
    size[20:] = rng.permutation(size[20:]) - 20  # tells nothing where there is no score
    score = np.where(outcome < 20, outcome + rng.normal(0, 3, 40), math.nan)
    found = rankings({"mine": score, "params": size}, outcome, size, lines=["params"])
    mine, params = (next(r for r in found if r.name == name) for name in ("mine", "params"))
    assert mine.low is not None
    assert params.spearman is not None
    assert mine.low > params.spearman  # so it would have beaten the line over all
    assert mine.line == pytest.approx(1)
    assert params.line is None
    assert verdict(found) == "no score beats params and flops over the same networks (+1.00)"
