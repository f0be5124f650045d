"""What stopping saves and loses, and fronts at smaller budgets: against naive answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

import nas
from nas import Architecture, ArchiveError, CurvePoint, Failure, Goal, Status, Trial
from nas.archive.audits import Auditor
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.cli.audit import share_interval, summarise
from nas.goals import losses, violation
from nas.pareto import dominates
from nas.plugins import PluginFile, Plugins
from nas.study import Study
from nas.trial import Ruling

RACERS = Path(__file__).parent / "files" / "racers.py"
FULL = 4
ONE = (Goal("error"),)
TWO = (Goal("error", high=0.9), Goal("pace", "maximize"))
PARTS = [
    ComponentRecord("space", "racers:lanes", {}, "(file)", "1"),
    ComponentRecord("evaluator", "racers:racer", {"epochs": FULL}, "(file)", "1"),
    ComponentRecord("objective", "racers:error", {}, "(file)", "1"),
    ComponentRecord("objective", "racers:pace", {}, "(file)", "1"),
]


@cache
def plugins() -> Plugins:
    return Plugins([PluginFile.read(RACERS)])


def record(
    number: int,
    errors: Sequence[float],
    *rulings: Ruling,
    status: Status | None = None,
    goals: Sequence[Goal] = ONE,
    **fixed: float,
) -> Record:
    """Return a trial that has reported these errors, one a step."""
    ended = status or (Status.COMPLETE if len(errors) == FULL else Status.STOPPED)
    metrics = {**fixed, **({"error": errors[-1]} if errors else {})}
    trial = Trial(
        number,
        Architecture({"end": number, "pace": 1}),
        ended,
        losses(goals, metrics) if ended is Status.COMPLETE else (),
        violation(goals, metrics),
        metrics,
        budget=None if ended is Status.INFEASIBLE else len(errors),
        failure=Failure("error", "fell") if ended is Status.FAILED else None,
    )
    curve = tuple(CurvePoint(step, {"error": e}) for step, e in enumerate(errors, 1))
    return Record(trial, f"c{number}", "", curve=curve, rulings=rulings, started=1.0)


class Book:
    """One archive with a study for each example: to begin a file costs more than to fill it."""

    def __init__(self, path: Path) -> None:
        self.path, self.studies = path, 0
        self._writer = Writer.open(path, durable=False)

    def write(self, records: Sequence[Record], goals: Sequence[Goal] = ONE) -> str:
        """Return the name of a new study with these trials."""
        name, self.studies = f"s{self.studies}", self.studies + 1
        study = self._writer.study(Study(name, "", tuple(goals), {}, 0, 4), PARTS)
        self._writer.record(study, records)
        return name

    def close(self) -> None:
        self._writer.close()


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    made = Book(tmp_path_factory.mktemp("book") / "a.db")
    yield made
    made.close()


def archived(folder: Path, records: Sequence[Record], goals: Sequence[Goal] = ONE) -> nas.Archive:
    """Return an archive of these trials alone."""
    made = Book(folder / "a.db")
    made.write(records, goals)
    made.close()
    return nas.Archive(made.path)


AUDIT = Ruling(1, "audit", "too slow")
ERRORS = st.integers(0, 8).map(lambda n: n / 8)
PACES = st.integers(0, 3).map(float)


class TestSavings:
    ENDS = (Status.COMPLETE, Status.STOPPED, Status.PAUSED, Status.FAILED, Status.INFEASIBLE)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(ENDS), st.integers(1, FULL - 1)), max_size=12))
    def test_what_is_spent_and_saved(self, book: Book, ends: list[tuple[Status, int]]) -> None:
        records = [record(0, [0.5] * FULL)]
        for number, (status, steps) in enumerate(ends, 1):
            spent = {Status.COMPLETE: FULL, Status.INFEASIBLE: 0}.get(status, steps)
            records.append(record(number, [0.5] * spent, status=status))
        name = book.write(records)
        with nas.Archive(book.path) as archive:
            found = archive.savings(name)
        short = [n for status, n in ends if status in (Status.STOPPED, Status.PAUSED)]
        complete = FULL * (1 + sum(status is Status.COMPLETE for status, _ in ends))
        failed = sum(n for status, n in ends if status is Status.FAILED)
        assert found.full == FULL
        assert found.total.spent == complete + failed + sum(short)
        assert found.total.saved == sum(FULL - n for n in short)
        assert sum(found.trials.values()) == len(records)
        assert found.audited == ()

    def test_what_was_decided_and_by_whom_it_was_met(self, tmp_path: Path) -> None:
        go, stop = Ruling(1, "continue", "first"), Ruling(1, "stop", "worse")
        records = [
            record(0, [0.5] * FULL, go, Ruling(2, "continue", "first")),
            record(1, [0.9], stop),
            record(2, [0.9], stop),
            record(3, [0.9] * FULL, AUDIT, Ruling(2, "audit", "too slow again")),
        ]
        with archived(tmp_path, records) as archive:
            found = archive.savings()
            assert archive.rulings(1) == (go, Ruling(2, "continue", "first"))
        assert found.verdicts == {
            1: {"continue": 1, "stop": 2, "audit": 1},
            2: {"continue": 1, "audit": 1},
        }
        (audited,) = found.audited
        assert (audited.trial.number, audited.step, audited.reason) == (3, 1, "too slow")
        assert found.audit_spent == FULL - 1

    def test_what_nobody_ran_is_neither_spent_nor_saved(self, tmp_path: Path) -> None:
        with archived(tmp_path, [record(0, [0.5] * FULL)]) as archive:
            (first,) = archive.trials()
        again = replace(record(1, [0.5] * FULL), reused=first.id)
        with Writer.open(tmp_path / "a.db") as writer:
            study = writer.existing("s0")
            assert study is not None
            writer.record(study, [again])
        with nas.Archive(tmp_path / "a.db") as archive:
            assert archive.savings().total.spent == FULL
            assert archive.counts()[Status.COMPLETE] == 2

    def test_without_a_complete_trial_the_full_budget_must_be_told(self, tmp_path: Path) -> None:
        with archived(tmp_path, [record(0, [0.5])]) as archive:
            assert archive.budget() is None
            assert archive.savings().total.saved is None
            assert archive.savings(full=10).total.saved == 9


class TestAudits:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(ERRORS, PACES, st.booleans()), min_size=1, max_size=8),
        st.sampled_from([ONE, TWO]),
    )
    def test_lost_is_what_would_be_missing(
        self, points: list[tuple[float, float, bool]], goals: tuple[Goal, ...]
    ) -> None:
        trials = [
            replace(
                record(n, [error] * FULL, goals=goals, pace=pace).trial,
                id=n + 1,
            )
            for n, (error, pace, _) in enumerate(points)
        ]
        audited = {t.id for t, (*_, spared) in zip(trials, points, strict=True) if spared}
        auditor = Auditor(goals, trials, audited)
        others = [t.losses for t in trials if t.id not in audited and t.feasible]
        for trial in trials:
            if trial.id not in audited:
                continue
            found = auditor.judge(trial, 1, "")
            beaten = any(dominates(o, trial.losses) or o == trial.losses for o in others)
            assert found.lost == (trial.feasible and not beaten)
            if not others:
                assert found.regret is None
                continue
            assert found.regret is not None
            assert (found.regret > 0) == found.lost
            if len(goals) == 1 and trial.feasible:
                behind = trial.losses[0] - min(best for (best,) in others)
                assert found.behind == pytest.approx(behind)
                assert found.regret == pytest.approx(max(0.0, -behind))
            if len(goals) == 2:
                assert 0 <= found.regret < 1

    def test_who_failed_is_no_loss_and_who_still_runs_is_not_known(self) -> None:
        best = replace(record(0, [0.5] * FULL).trial, id=1)
        auditor = Auditor(ONE, [best], {2})
        failed = replace(record(1, [0.1], status=Status.FAILED).trial, id=2)
        assert (auditor.judge(failed, 1, "").lost, auditor.judge(failed, 1, "").regret) == (
            False,
            0,
        )
        paused = replace(record(1, [0.1], status=Status.PAUSED).trial, id=2)
        assert (auditor.judge(paused, 1, "").lost, auditor.judge(paused, 1, "").regret) == (
            None,
            None,
        )

    def test_a_summary(self, tmp_path: Path) -> None:
        """Of four that were to stop, one is better than the best by 0.2."""
        errors = {0: 0.5, 1: 0.3, 2: 0.7, 3: 0.6, 4: 0.9}
        records = [record(n, [e] * FULL, *([AUDIT] if n else [])) for n, e in errors.items()]
        with archived(tmp_path, records) as archive:
            found = summarise(archive.savings().audited)
        assert (found.trials, found.ended, found.lost) == (4, 4, 1)
        assert (found.low, found.high) == share_interval(1, 4)
        assert found.regret.mean == pytest.approx(0.05)
        assert found.regret.low == 0.0
        assert found.behind.mean == pytest.approx((-0.2 + 0.2 + 0.1 + 0.4) / 4)
        assert found.best is not None
        assert found.best.trial.number == 1

    def test_equal_regrets_have_no_interval(self, tmp_path: Path) -> None:
        records = [record(0, [0.1] * FULL), *(record(n, [0.5] * FULL, AUDIT) for n in (1, 2, 3))]
        with archived(tmp_path, records) as archive:
            found = summarise(archive.savings().audited)
        assert (found.lost, found.regret.mean, found.regret.high) == (0, 0.0, None)
        assert found.high is not None
        assert found.high > 0.7

    @settings(max_examples=30, deadline=None)
    @given(st.data())
    def test_the_interval_of_a_share(self, data: st.DataObject) -> None:
        n = data.draw(st.integers(1, 200))
        k = data.draw(st.integers(0, n))
        exact = binomtest(k, n).proportion_ci(0.95, method="exact")
        assert share_interval(k, n) == pytest.approx((exact.low, exact.high), abs=1e-9)


class TestFrontAtABudget:
    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.tuples(st.lists(ERRORS, min_size=1, max_size=FULL), PACES), min_size=1, max_size=8
        ),
        st.integers(1, FULL),
    )
    def test_only_what_was_achieved_there_counts(
        self, book: Book, trials: list[tuple[list[float], float]], budget: int
    ) -> None:
        records = [
            record(n, errors, goals=TWO, pace=pace) for n, (errors, pace) in enumerate(trials)
        ]
        there = {n: (e[budget - 1], -p) for n, (e, p) in enumerate(trials) if len(e) >= budget}
        able = {n: point for n, point in there.items() if point[0] <= 0.9}
        naive = {n for n, p in able.items() if not any(dominates(o, p) for o in able.values())}
        name = book.write(records, TWO)
        with nas.Archive(book.path) as archive:
            assert archive.budgets(name).get(budget, 0) == len(there)
            if not there:
                with pytest.raises(ArchiveError, match="has reported at a budget of"):
                    archive.front(name, budget=budget, plugins=plugins())
                return
            front = archive.front(name, budget=budget, plugins=plugins())
        assert {t.number: t.losses for t in front} == {n: able[n] for n in naive}
        assert [t.losses for t in front] == sorted(t.losses for t in front)
        assert all(t.budget == budget and t.violation == 0 for t in front)

    def test_a_metric_of_complete_trials_is_never_mixed_in(self, tmp_path: Path) -> None:
        """``train_seconds`` is known at the end only: complete trials have it, as all others do."""
        goals = (Goal("error"), Goal("train_seconds"))
        parts = [*PARTS[:3], ComponentRecord("objective", "objectives:train_seconds", {}, "", "")]
        with Writer.open(tmp_path / "a.db") as writer:
            study = writer.study(Study("s", "", goals, {}, 0, 4), parts)
            writer.record(study, [record(0, [0.5] * FULL, goals=goals, train_seconds=9.0)])
        with nas.Archive(tmp_path / "a.db") as archive:
            assert [t.number for t in archive.front(budget=FULL)] == [0]
            with pytest.raises(ArchiveError, match="train_seconds at a budget of 2"):
                archive.front(budget=2, plugins=plugins())

    @pytest.mark.parametrize(
        ("steps", "said"),
        [
            ((1, 2, 3, 4), "but at 1 to 4"),
            ((2, 4), "but at 2, 4"),
            (range(2, 42, 2), "but at 20 others from 2 to 40, the nearest 40"),
        ],
    )
    def test_the_error_names_the_budgets_there_are(
        self, tmp_path: Path, steps: Sequence[int], said: str
    ) -> None:
        made = record(0, [0.5])
        curve = tuple(CurvePoint(step, {"error": 0.5}) for step in steps)
        with archived(tmp_path, [replace(made, curve=curve)]) as archive:
            with pytest.raises(ArchiveError, match=said):
                archive.front(budget=50)
            assert list(archive.budgets()) == list(steps)

    def test_what_is_no_number_is_on_no_front(self, tmp_path: Path) -> None:
        records = [record(0, [math.nan, 0.1]), record(1, [0.5, math.inf])]
        with archived(tmp_path, records) as archive:
            assert [t.number for t in archive.front(budget=1)] == [1]
            assert [t.number for t in archive.front(budget=2)] == [0]


def test_the_curves_of_a_study(tmp_path: Path) -> None:
    records = [record(0, [0.5] * FULL), record(1, [0.75, 0.5]), record(2, [], status=Status.FAILED)]
    with archived(tmp_path, records) as archive:
        curves = archive.curves()
        by_number = {trial.number: trial.id for trial in archive.trials()}
        assert list(curves) == [by_number[0], by_number[1]]
        assert all(curves[id_] == archive.curve(id_) for id_ in curves)
