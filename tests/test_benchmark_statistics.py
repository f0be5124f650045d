"""Curves and their statistics over seeds, against slow and obvious ones; laws; published traps."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from nas.archive.traces import Trace
from nas.benchmark.curves import run_of, trials_until
from nas.benchmark.statistics import difference, estimate, reached, verdict
from nas.benchmark.truth import truth_of
from nas.goals import Goal
from nas.trial import Status

ONE = (Goal("valid", "maximize"),)
TWO = (Goal("valid", "maximize"), Goal("cost"))
REFERENCE = (1.0, 11.0)  # as losses: valid -1, cost 11

values = st.floats(-100, 100).map(lambda x: round(x, 2))
trials = st.lists(
    st.tuples(st.sampled_from(list(Status)[:3]), st.booleans(), values, values, values),
    min_size=1,
    max_size=30,
)
Rows = Sequence[tuple[Status, bool, float, float, float]]


def trace(rows: Rows, choosing: Sequence[float] | None = None) -> Trace:
    """Rows of status, whether bounds are kept, and the metrics valid, cost and test."""
    complete = [row[0] is Status.COMPLETE for row in rows]
    return Trace(
        [row[0] for row in rows],
        [c and row[1] for c, row in zip(complete, rows, strict=True)],
        choosing or [0.1] * len(rows),
        {
            name: [row[i] if c else math.nan for c, row in zip(complete, rows, strict=True)]
            for i, name in enumerate(("valid", "cost", "test"), 2)
        },
    )


def evaluated(rows: Rows) -> list[tuple[Status, bool, float, float, float]]:
    return [row for row in rows if row[0] is not Status.INFEASIBLE]


@settings(deadline=None)
@given(trials, st.integers(1, 40))
def test_incumbents_are_those_of_a_slow_search(rows: Rows, length: int) -> None:
    run = run_of(trace(rows), ONE, "test", None, length)
    if not evaluated(rows):
        assert np.isnan(run.found).all()
        return
    for n in range(1, length + 1):
        so_far = [r for r in evaluated(rows)[:n] if r[0] is Status.COMPLETE and r[1]]
        if not so_far:
            assert run.found[n - 1] == math.inf
            assert math.isnan(run.judged[n - 1])
            continue
        best = max(so_far, key=lambda row: row[2])  # the first of equals
        assert run.found[n - 1] == -best[2]
        assert run.judged[n - 1] == best[4]


@settings(deadline=None)
@given(trials)
def test_what_was_found_never_gets_worse(rows: Rows) -> None:
    found = run_of(trace(rows), ONE, None, None, 30).found
    volume = run_of(trace(rows), TWO, None, REFERENCE, 30).found
    if evaluated(rows):
        assert (np.diff(found[np.isfinite(found)]) <= 0).all()
        assert (np.diff(volume) >= 0).all()


@settings(deadline=None)
@given(trials)
def test_hypervolumes_are_those_of_counted_squares(rows: Rows) -> None:
    """Of points on a grid of whole numbers, up to (0, 10) in losses."""
    whole = [(s, f, float(round(v / 10)), float(round(c / 10)), t) for s, f, v, c, t in rows]
    run = run_of(trace(whole), TWO, None, (0.0, 10.0), len(rows))
    for n in range(1, len(evaluated(whole)) + 1):
        points = [
            (-v, c)
            for s, f, v, c, _ in evaluated(whole)[:n]
            if s is Status.COMPLETE and f and -v < 0 and c < 10
        ]
        squares = {
            (x, y)
            for px, py in points
            for x, y in itertools.product(range(int(px), 0), range(int(py), 10))
        }
        assert run.found[n - 1] == pytest.approx(len(squares))


def test_nothing_is_chosen_by_the_judge() -> None:
    """The trap of many published tables: the best test accuracy among all that was queried."""
    good, bad = Status.COMPLETE, 5.0
    rows = [
        (good, True, 90.0, 1.0, 93.0),
        (good, True, 80.0, 1.0, 99.0),
        (good, True, 91.0, 1, bad),
    ]
    run = run_of(trace(rows), ONE, "test", None, 3)
    assert run.judged.tolist() == [93.0, 93.0, 5.0]
    other = [(*row[:4], -row[4]) for row in rows]
    assert run_of(trace(other), ONE, "test", None, 3).found.tolist() == run.found.tolist()


def test_time_of_what_was_turned_away_counts() -> None:
    rows: Rows = [
        (Status.COMPLETE, True, 1.0, 1.0, 1.0),
        (Status.INFEASIBLE, True, 1.0, 1.0, 1.0),
        (Status.INFEASIBLE, True, 1.0, 1.0, 1.0),
        (Status.FAILED, True, 1.0, 1.0, 1.0),
        (Status.INFEASIBLE, True, 1.0, 1.0, 1.0),
    ]
    run = run_of(trace(rows, [1.0, 10.0, 100.0, 1000.0, 1e4]), ONE, None, None, 9)
    assert run.choosing.tolist() == [1.0, 1110.0]


@settings(deadline=None)
@given(st.lists(values, min_size=2, max_size=40))
def test_an_interval_is_that_of_student(found: list[float]) -> None:
    one = estimate(found)
    assert one.mean == pytest.approx(statistics.fmean(found))
    assert one.low is not None
    assert one.high is not None
    half = stats.t.ppf(0.975, len(found) - 1) * statistics.stdev(found) / math.sqrt(len(found))
    assert one.high - one.low == pytest.approx(2 * half, abs=1e-9)
    assert one.low <= one.mean <= one.high


def test_it_holds_the_truth_as_often_as_it_says() -> None:
    source, inside = np.random.default_rng(0), 0
    for _ in range(400):
        one = estimate(source.exponential(size=20))
        inside += (one.low or 0) <= 1.0 <= (one.high or 0)
    assert 0.88 <= inside / 400 <= 0.98


def test_a_seed_without_a_result_is_not_left_out() -> None:
    assert estimate([1.0, math.inf, 2.0]).mean is None
    assert estimate([1.0, math.nan]).mean is None
    assert estimate([]).mean is None


def test_one_lucky_run_claims_nothing() -> None:
    one = estimate([94.37])
    assert (one.mean, one.low, one.high) == (94.37, None, None)
    assert verdict(difference({0: 94.37}, {0: 90.0})) == (
        "one seed: no interval, nothing can be said"
    )


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 30), values, max_size=20), st.floats(0.5, 3))
def test_differences_are_paired_by_seed(line: dict[int, float], shift: float) -> None:
    """However much seeds differ among themselves, a gain in each of them is seen."""
    above = {seed: value + shift for seed, value in reversed(line.items())}
    above[99] = 1e6  # a seed that only one of them has
    gain = difference(above, line)
    assert gain.n == len(line)
    if line:
        assert gain.mean == pytest.approx(shift)
    if len(line) > 1:
        assert verdict(gain) == "beats random"
        assert verdict(difference(line, above)) == "does not beat random: it is worse"
        assert verdict(difference(line, line)) == "does not beat random"


@settings(deadline=None)
@given(st.lists(st.one_of(st.integers(1, 200).map(float), st.just(math.inf)), min_size=1))
def test_trials_to_a_target(needed: list[float]) -> None:
    found = reached(needed)
    assert found is not None
    middle = statistics.median(needed)
    assert found.median == (None if math.isinf(middle) or math.isnan(middle) else middle)
    assert found.share == sum(map(math.isfinite, needed)) / len(needed)


def test_a_target_is_reached_when_the_incumbent_does() -> None:
    good = Status.COMPLETE
    rows: Rows = [
        (Status.FAILED, True, 0.0, 0.0, 0.0),
        (good, True, 90.0, 1.0, 94.0),
        (good, True, 80.0, 1.0, 99.0),
        (good, True, 91.0, 1.0, 95.0),
        (good, True, 92.0, 1.0, 93.0),
    ]
    run = run_of(trace(rows), ONE, "test", None, 5)
    assert trials_until(run, 95.0, judged=True, above=True) == 4
    assert trials_until(run, 99.0, judged=True, above=True) == math.inf
    assert trials_until(run, -91.5, judged=False, above=False) == 5


@settings(deadline=None)
@given(st.lists(st.tuples(values, values), min_size=1, max_size=20))
def test_no_run_finds_more_than_there_is(points: list[tuple[float, float]]) -> None:
    truth = truth_of(np.array(points), exact=True, reference=None)
    assert truth.volume > 0
    assert all(r > worst for r, worst in zip(truth.reference, np.min(points, axis=0), strict=True))
    rows: Rows = [(Status.COMPLETE, True, -x, y, 0.0) for x, y in points]
    found = run_of(trace(rows), TWO, None, truth.reference, len(points)).found
    assert found[-1] == pytest.approx(truth.volume)
    assert truth.best == min(x for x, _ in points)
