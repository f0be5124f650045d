"""Population based training: what is inherited, replaced and explored, in whole searches."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from growth import GROWERS, grow, run
from hypothesis import given, settings
from hypothesis import strategies as st
from interruptions import handles, interrupt_after
from races import decided
from toys import rows

import nas
from nas.cli.main import main
from nas.cli.watch import Silent
from nas.cli.watch_text import how_far
from nas.engine.progress import Plan, Progress
from nas.hyper.space import WithHyper

DIGITS: dict[str, Any] = {
    "study": "digits",
    "objectives": ["error"],
    "window": 4,
    "space": {"name": "mlp"},
    "data": {"name": "digits", "validation": 0.8},
    "evaluator": {"name": "train", "epochs": 3, "schedule": "constant"},
    "hyper": {"lr": {"low": 1e-4, "high": 1e-1, "log": True}},
    "strategy": {"name": "pbt", "population": 4, "quantile": 0.5},
    "stop": {"budget": 12},
    "run": {"executor": "inline"},
}


class _Kept(nas.Checkpoint):
    """Keeps the last snapshot."""

    def __init__(self) -> None:
        self.snapshot: nas.Snapshot | None = None

    def load(self) -> nas.Snapshot | None:
        return self.snapshot

    def save(self, snapshot: nas.Snapshot) -> None:
        self.snapshot = snapshot


class _EnoughError(Exception):
    """Leaves a training."""


def _trained(trial: nas.Trial, kept: _Kept, until: int) -> Mapping[str, float]:
    """Train a trial of ``DIGITS`` without the engine, up to an epoch; what it reports then."""
    data = nas.dataset("digits", validation=0.8).for_search(0)
    space = nas.space("mlp", input_shape=list(data.input_shape), classes=data.classes)
    decisions = dict(trial.architecture)
    evaluator = nas.evaluator("train", epochs=3, schedule="constant", lr=decisions.pop("hyper.lr"))
    task = nas.Task(space, space.architecture(decisions), data, 3, trial.seed, 1, kept)
    reported: dict[int, Mapping[str, float]] = {}

    def report(step: int, metrics: Mapping[str, float], snapshot: Any = None) -> None:
        reported[step] = metrics
        if step == until:
            state = snapshot()
            kept.save(nas.Snapshot({k: t.clone() for k, t in state.tensors.items()}, state.values))
            raise _EnoughError

    with suppress(_EnoughError):
        evaluator.evaluate(task, report)
    return reported[until]


def curves(path: Path) -> dict[int, dict[int, float]]:
    """Return the weight after each step, by trial."""
    sql = "SELECT number, step, value FROM curves JOIN trials ON trials.id = trial WHERE name = ?"
    found: dict[int, dict[int, float]] = {}
    for number, step, value in rows(path, sql.replace("?", "'weight'")):
        found.setdefault(number, {})[step] = value
    return found


def beginnings(result: nas.Result) -> dict[int, int]:
    """Return how many steps each trial has inherited: it first paused an interval later."""
    pauses = rows(
        Path(result.archive),
        """SELECT number, min(step) FROM rulings JOIN trials ON trials.id = trial
        WHERE verdict = 'pause' GROUP BY number""",
    )
    paused = dict(pauses)
    return {t.number: paused.get(t.number, 12) - 2 for t in result.trials if t.parents}


def log_of(path: Path) -> list[tuple[int, int]]:
    return [tuple(map(int, line.split())) for line in path.read_text().splitlines()]


class TestInheritance:
    def test_a_weight_is_what_its_whole_lineage_has_made_of_it(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        result = run(grow(), path)
        weights, inherited = curves(path), beginnings(result)
        assert len(inherited) >= 8
        for trial in result.trials:
            rate, depth = trial.architecture["hyper.rate"], trial.architecture["depth"]
            since = inherited.get(trial.number, 0)
            for step, weight in weights[trial.number].items():
                if step <= since:
                    assert weight == weights[trial.parents[0]][step]
                    continue
                suits = -1 - 3 * step / 12
                gain = 1 - abs(math.log10(rate) - suits) - 0.1 * depth
                assert weight - weights[trial.number].get(step - 1, 0.0) == pytest.approx(gain)

    def test_no_step_is_done_twice_and_inherited_ones_are_spent_once(self, tmp_path: Path) -> None:
        log = tmp_path / "log"
        result = run(grow(evaluator={"log": str(log)}), tmp_path / "a.db")
        done = log_of(log)
        assert set(Counter(done).values()) == {1}
        inherited = sum(beginnings(result).values())
        assert len(done) == sum(t.budget or 0 for t in result.trials) - inherited == 96
        assert result.reason == "a budget of 96 is spent"
        with nas.Archive(result.archive) as archive:
            assert archive.savings().total.spent == 96
            noted = {
                trial.number: archive.rulings(trial.id)[0].step
                for trial in archive.trials()
                if trial.parents
            }
        assert noted == beginnings(result)

    def test_who_watches_sees_the_budget_go(self, tmp_path: Path) -> None:
        said: list[str] = []

        class Watching(Silent):
            def started(self, study: Any, plan: Plan) -> None:
                self.plan = plan

            def progress(self, progress: Progress) -> None:
                said.append(how_far(progress, self.plan, 1.0))

        nas.search(grow(), tmp_path / "a.db", plugins=[GROWERS], observer=Watching())
        assert "a budget of 0 of 96 spent" in said[0]
        assert "a budget of 48 of 96 spent" in "; ".join(said)
        assert "a budget of 96 of 96 spent" in said[-1]

    def test_networks_stay_and_hyper_parameters_change(self, tmp_path: Path) -> None:
        result = run(grow(), tmp_path / "a.db")
        children = [trial for trial in result.trials if trial.parents]
        for child in children:
            parent = result.trials[child.parents[0]]
            assert child.architecture["depth"] == parent.architecture["depth"]
            assert child.architecture["hyper.rate"] != parent.architecture["hyper.rate"]
        begun = beginnings(result)
        copies = Counter((c.parents, begun[c.number], c.architecture) for c in children)
        assert set(copies.values()) == {1}

    def test_a_state_that_is_lost_is_a_failure_not_a_fresh_start(self, tmp_path: Path) -> None:
        result = run(grow(evaluator={"forgets": True}), tmp_path / "a.db")
        lost = [t.failure.message for t in result.trials if t.failure is not None]
        assert lost
        assert all("that it was to begin with is lost" in message for message in lost)
        assert all(bool(t.failure) == bool(t.parents) for t in result.trials)

    def test_snapshots_of_an_archive_that_is_gone_are_not_inherited(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        run(grow(stop={"budget": 60}), path)
        before = decided(path)
        left = path.with_name("a.db.artifacts") / "checkpoints"
        content = next(left.iterdir()).read_bytes()
        for number in range(20):
            (left / f"1-{number}.safetensors").write_bytes(content)
        path.unlink()
        run(grow(stop={"budget": 60}), path)
        assert decided(path) == before

    def test_real_weights_are_trained_on(self, tmp_path: Path) -> None:
        result = nas.search(DIGITS, tmp_path / "a.db")
        child = next(
            t for t in result.trials if t.parents and not result.trials[t.parents[0]].parents
        )
        parent = result.trials[child.parents[0]]
        with nas.Archive(tmp_path / "a.db") as archive:
            curve = archive.curve(child.id)
        kept = _Kept()
        _trained(parent, kept, until=1)
        found = _trained(child, kept, until=2)
        assert found["loss"] == curve[1].metrics["loss"] != _trained(child, _Kept(), 2)["loss"]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    path = tmp_path_factory.mktemp("reference") / "a.db"
    run(grow(), path)
    return decided(path)


class TestSameTrials:
    @pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow_fault), 3])
    def test_on_workers(
        self, tmp_path: Path, workers: int, reference: list[tuple[Any, ...]]
    ) -> None:
        path, dies = tmp_path / "a.db", 30 if workers == 3 else 0
        evaluator = {"log": str(tmp_path / "log"), "dies_after": dies}
        run(grow(evaluator=evaluator, run={"workers": workers}), path)
        assert decided(path) == reference

    @pytest.mark.parametrize("after", [7, 40, 83])
    def test_after_a_kill(
        self, tmp_path: Path, after: int, reference: list[tuple[Any, ...]]
    ) -> None:
        path, log = tmp_path / "a.db", tmp_path / "log"
        values = grow(evaluator={"log": str(log), "dies_after": after})
        code = f"import nas; nas.search({values!r}, {str(path)!r}, plugins=[{str(GROWERS)!r}])"
        killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert killed.returncode == 3
        run(values, path)
        assert decided(path) == reference
        again = [number for number in Counter(log_of(log)).values() if number > 1]
        assert len(again) <= 2, "only the run that was killed takes place again"

    @handles
    @pytest.mark.parametrize("after", [20, 70])
    def test_after_an_interruption(
        self, tmp_path: Path, after: int, reference: list[tuple[Any, ...]]
    ) -> None:
        path, log = tmp_path / "a.db", tmp_path / "log"
        values = grow(evaluator={"log": str(log), "seconds": 0.01})

        interrupt_after(log, after)
        assert run(values, path).interrupted
        run(values, path)
        assert decided(path) == reference


class TestSelection:
    @pytest.mark.parametrize("window", [1, 3, 8, 11])
    def test_any_window(self, tmp_path: Path, window: int) -> None:
        log = tmp_path / "log"
        result = run(grow(window=window, evaluator={"log": str(log)}), tmp_path / "a.db")
        assert 96 <= len(log_of(log)) < 96 + 2 * window
        assert any(trial.parents for trial in result.trials)
        assert set(Counter(log_of(log)).values()) == {1}

    @pytest.mark.parametrize("window", [8, 16])
    def test_when_a_population_is_complete_another_one_begins(
        self, tmp_path: Path, window: int
    ) -> None:
        result = run(grow(window=window, stop={"budget": 192}), tmp_path / "a.db")
        assert sum(not trial.parents for trial in result.trials) == 16
        assert sum(trial.status is nas.Status.COMPLETE for trial in result.trials) == 16

    def test_the_worst_lose_to_the_best_of_their_step(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        result = run(grow(), path)
        weights = curves(path)
        stops = rows(
            path,
            """SELECT number, step, reason FROM rulings JOIN trials ON trials.id = trial
            WHERE verdict = 'stop'""",
        )
        assert len(stops) == sum(t.status is nas.Status.STOPPED for t in result.trials) > 0
        for number, step, reason in stops:
            assert f"of 8 at step {step}, and loses to trial " in reason
            winner = int(reason.partition("loses to trial ")[2].partition(";")[0])
            assert weights[winner][step] > weights[number][step]

    def test_everything_begun_is_finished_when_nothing_new_may_begin(self, tmp_path: Path) -> None:
        result = run(grow(stop={"trials": 12}), tmp_path / "a.db")
        ended = {nas.Status.COMPLETE, nas.Status.STOPPED}
        assert len(result.trials) == 12
        assert {trial.status for trial in result.trials} == ended

    def test_places_of_those_who_fail_are_taken(self, tmp_path: Path) -> None:
        values = grow(evaluator={"burns": 1e-2}, stop={"budget": 150})
        result = run(values, tmp_path / "a.db")
        by_status = Counter(trial.status for trial in result.trials)
        assert by_status[nas.Status.FAILED] > 8
        assert by_status[nas.Status.COMPLETE] >= 8
        copies = sum(bool(trial.parents) for trial in result.trials)
        assert copies > by_status[nas.Status.STOPPED], "more than have lost"

    def test_several_objectives_and_bounds(self, tmp_path: Path) -> None:
        objectives = ["growers:error", {"name": "growers:depth", "max": 1}]
        result = run(grow(objectives=objectives), tmp_path / "a.db")
        assert any(trial.parents for trial in result.trials)
        turned_away = [t for t in result.trials if t.status is nas.Status.INFEASIBLE]
        assert turned_away
        assert {t.architecture["depth"] for t in turned_away} == {2}
        assert len([t for t in result.trials if t.status is nas.Status.COMPLETE]) == 8

    def test_a_schedule_beats_every_fixed_rate(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        run(grow(hyper={"rate": {"low": 1e-5, "high": 1.0, "log": True, "points": 16}}), path)
        fixed = max(
            sum(1 - abs(math.log10(rate) - (-1 - 3 * step / 12)) for step in range(1, 13))
            for rate in np.geomspace(1e-5, 1.0, 200)
        )
        assert max(curve.get(12, -99) for curve in curves(path).values()) > fixed

    def test_reports_that_lack_an_objective_are_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(nas.StudyError, match="nothing was reported of weight"):
            run(grow(objectives=["growers:weight"], evaluator={"silent": True}), tmp_path / "a.db")


class TestConfig:
    def test_hyper_parameters_are_needed(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match=r"hyper = \{ lr = \{ low"):
            run(grow(hyper={}), tmp_path / "a.db")

    def test_an_interval_must_leave_something_to_train(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match="below the budget of a trial, which is 12"):
            run(grow(strategy={"interval": 12}), tmp_path / "a.db")

    @pytest.mark.parametrize(
        ("name", "value"),
        [("population", 1), ("interval", 0), ("quantile", 0), ("quantile", 0.6), ("resample", 2)],
    )
    def test_bad_parameters_are_named(self, name: str, value: float) -> None:
        with pytest.raises(nas.ComponentError, match=name):
            nas.strategy("pbt", **{name: value})

    def test_order_of_completion_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match='leave out order = "completion"'):
            run(grow(order="completion"), tmp_path / "a.db")

    def test_nas_show_has_the_lineage(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        path = tmp_path / "a.db"
        result = run(grow(), path)
        child = next(trial for trial in result.trials if trial.parents)
        monkeypatch.setattr(sys, "argv", ["nas", "show", str(path), str(child.id)])
        assert main() == 0
        shown = capsys.readouterr().out
        assert "Stems from" in shown
        rate = child.architecture["hyper.rate"]
        assert f"hyper.rate {result.trials[child.parents[0]].architecture['hyper.rate']:g}" in shown
        assert f"{rate:g}" in shown


grids = st.one_of(
    st.builds(
        lambda low, ratio, points: nas.Grid("hyper.x", low, low * ratio, points, log=True),
        st.floats(1e-6, 1.0),
        st.floats(1.5, 1e6),
        st.integers(2, 40),
    ),
    st.builds(
        lambda low, span, points: nas.Grid("hyper.x", low, low + span, points),
        st.floats(-10, 10),
        st.floats(0.1, 100),
        st.integers(2, 40),
    ),
    st.builds(
        lambda low, count, step: nas.Integer("hyper.x", low, low + count * step, step),
        st.integers(-20, 20),
        st.integers(1, 30),
        st.integers(1, 5),
    ),
)


class TestExploring:
    @given(grids, st.booleans(), st.data())
    def test_a_step_is_the_nearest_to_the_published_factor(
        self, decision: nas.Grid | nas.Integer, more: bool, data: st.DataObject
    ) -> None:
        from nas_strategies.pbt_explore import multiplied

        values = [float(value) for value in decision.values]
        index = data.draw(st.integers(0, len(values) - 1))
        found = multiplied(decision, index, more)
        assert 0 <= found < len(values)
        assert found != index
        wanted = values[index] * (1.2 if more else 0.8)
        beyond = not values[0] <= wanted <= values[-1]
        if beyond or abs(found - index) == 1:
            return
        scale = math.log if isinstance(decision, nas.Grid) and decision.log else float
        misses = [abs(scale(value) - scale(wanted)) for value in values]
        assert misses[found] == pytest.approx(min(misses))

    @given(st.integers(0, 10_000), st.floats(0, 1))
    @settings(max_examples=60)
    def test_the_network_stays_and_something_else_changes(self, seed: int, resample: float) -> None:
        from nas_strategies.pbt_explore import Explorer

        ranges = {
            "rate": {"low": 1e-4, "high": 1.0, "log": True},
            "mode": {"choices": ["calm", "keen"]},
            "slope": {"low": 1, "high": 4, "when": {"mode": ["keen"]}},
        }
        space = WithHyper.of(nas.space("mlp", input_shape=[4], classes=2), ranges)
        draws = random.Random(seed)
        before = space.sample(draws)
        after = Explorer(space, resample).explore(before, draws)
        assert after in space
        assert space.network_of(after) == space.network_of(before)
        assert after != before


class Desk:
    """Equally fast workers on paper: who runs, who is paused, and that nobody asks for nonsense.

    A trial's error at a step is drawn from its number; one in so many fails.
    """

    def __init__(self, seed: int, workers: int, population: int, interval: int, fails: float):
        self.strategy = nas.strategy("pbt", population=population, interval=interval, quantile=0.3)
        ranges = {"rate": {"low": 1e-4, "high": 1.0, "log": True}}
        self.space = WithHyper.of(nas.space("mlp", input_shape=[4], classes=2), ranges)
        self.strategy.start(nas.Problem(self.space, (nas.Goal("error"),), seed, budget=BUDGET))
        self.seed, self.workers, self.fails = seed, workers, fails
        self.architectures: list[nas.Architecture] = []
        self.curves: list[list[float]] = []
        self.running: list[tuple[int, int]] = []
        self.paused: set[int] = set()
        self.complete = self.steps = 0

    def turn(self) -> None:
        """Give every worker something to do, and let all of them end it."""
        while len(self.running) < self.workers:
            draws = random.Random(f"{self.seed} {len(self.running)} {self.steps}")
            promotion = self.strategy.resume(draws, True)
            if promotion is None:
                self.begin(self.strategy.ask(draws))
            else:
                self.paused.remove(promotion.number)
                self.running.append((promotion.number, promotion.until or BUDGET))
        for number, until in sorted(self.running):
            self.end(number, min(until, BUDGET))
        self.running.clear()

    def begin(self, proposal: nas.Proposal) -> None:
        number, curve = len(self.curves), list[float]()
        if proposal.inherits is not None:
            assert proposal.inherits in self.paused
            assert proposal.inherits != proposal.replaces
            assert proposal.parents == (proposal.inherits,)
            curve = list(self.curves[proposal.inherits])
        if proposal.replaces is not None:
            self.paused.remove(proposal.replaces)
            lost = self.curves[proposal.replaces]
            assert self.curves[proposal.inherits or 0][len(lost) - 1] < lost[-1]
        self.curves.append(curve)
        self.architectures.append(proposal.architecture)
        self.strategy.begun(number, proposal)
        self.running.append((number, proposal.until or BUDGET))

    def end(self, number: int, until: int) -> None:
        draws, curve = random.Random(f"{self.seed} {number}"), self.curves[number]
        failed, offset = draws.random() < self.fails and until > 2, draws.random()
        self.steps += until - len(curve)
        curve += [offset + 1 / step for step in range(len(curve) + 1, until + 1)]
        points = tuple(nas.CurvePoint(i, {"error": e}) for i, e in enumerate(curve, 1))
        status = nas.Status.COMPLETE if until == BUDGET else nas.Status.PAUSED
        status = nas.Status.FAILED if failed else status
        self.complete += status is nas.Status.COMPLETE
        if status is nas.Status.PAUSED:
            self.paused.add(number)
        losses = (curve[-1],)
        self.strategy.tell(
            nas.Trial(number, self.architectures[number], status, losses, curve=points)
        )


BUDGET = 12


@given(
    st.integers(0, 10_000),
    st.integers(1, 9),
    st.integers(2, 8),
    st.integers(1, 11),
    st.sampled_from([0.0, 0.0, 0.2]),
)
@settings(max_examples=60, deadline=None)
def test_no_number_of_workers_leads_to_nonsense(
    seed: int, workers: int, population: int, interval: int, fails: float
) -> None:
    desk = Desk(seed, workers, population, interval, fails)
    while desk.steps < 2 * population * BUDGET + workers * BUDGET:
        desk.turn()
        assert len(desk.paused) <= population * (2 + workers // population)
    assert fails or desk.complete >= population
