"""Freeze-thaw: which trial goes on, what is expected of it, in whole searches and by hand."""

from __future__ import annotations

import math
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from growth import GROWERS, grow
from growth import run as run_grower
from hypothesis import given, settings
from hypothesis import strategies as st
from interruptions import handles, interrupt_after
from races import decided, race, run
from scipy.special import ndtr, ndtri
from toys import rows

import nas

QUICK = {"name": "curve_bank", "size": 2000, "particles": 64}
STRATEGY = {"name": "freeze_thaw", "predictor": QUICK, "low": 0.0, "high": 1.0}


def thaw(**changes: Any) -> dict[str, Any]:
    """A search over the 60 learning curves of ``racers.py``."""
    strategy = {**STRATEGY, **changes.pop("strategy", {})}
    return race(strategy=strategy, **{"stop": {"budget": 90}, **changes})


def log_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


def grown(**changes: Any) -> dict[str, Any]:
    """A search over learning rates that suit different parts of a training."""
    strategy = {"name": "freeze_thaw", "predictor": QUICK, "low": 0.0}
    values = grow(window=3, stop={"budget": 60}, **changes)
    return {**values, "strategy": strategy}


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    path = tmp_path_factory.mktemp("reference") / "a.db"
    run_grower(grown(), path)
    return decided(path)


class TestSameTrials:
    def test_nothing_is_done_twice(self, tmp_path: Path, reference: list[tuple[Any, ...]]) -> None:
        path, log = tmp_path / "a.db", tmp_path / "log"
        result = run_grower(grown(evaluator={"log": str(log)}), path)
        assert decided(path) == reference
        assert set(Counter(log_of(log)).values()) == {1}
        assert len(log_of(log)) == sum(trial.budget or 0 for trial in result.trials)
        assert 60 <= len(log_of(log)) < 60 + 3
        assert result.reason == "a budget of 60 is spent"

    @pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.slow_fault), 3])
    def test_on_workers(
        self, tmp_path: Path, workers: int, reference: list[tuple[Any, ...]]
    ) -> None:
        path, dies = tmp_path / "a.db", 20 if workers == 3 else 0
        evaluator = {"log": str(tmp_path / "log"), "dies_after": dies}
        run_grower(grown(evaluator=evaluator, run={"workers": workers}), path)
        assert decided(path) == reference

    def test_in_a_simulation(self, tmp_path: Path) -> None:
        inline, simulated = tmp_path / "inline.db", tmp_path / "simulated.db"
        run(thaw(), inline)
        run(thaw(run={"executor": "simulated", "workers": 3}), simulated)
        assert decided(simulated) == decided(inline)

    @pytest.mark.parametrize("after", [10, 45])
    def test_after_a_kill(
        self, tmp_path: Path, after: int, reference: list[tuple[Any, ...]]
    ) -> None:
        path, log = tmp_path / "a.db", tmp_path / "log"
        values = grown(evaluator={"log": str(log), "dies_after": after})
        code = f"import nas; nas.search({values!r}, {str(path)!r}, plugins=[{str(GROWERS)!r}])"
        killed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert killed.returncode == 3
        run_grower(values, path)
        assert decided(path) == reference
        assert len(log_of(log)) <= len({*log_of(log)}) + 1

    @handles
    def test_after_an_interruption(self, tmp_path: Path, reference: list[tuple[Any, ...]]) -> None:
        path, log = tmp_path / "a.db", tmp_path / "log"
        values = grown(evaluator={"log": str(log), "seconds": 0.005})

        interrupt_after(log, 30)
        assert run_grower(values, path).interrupted
        run_grower(values, path)
        assert decided(path) == reference


class TestSearches:
    def test_fewer_epochs_than_random_search_for_a_better_trial(self, tmp_path: Path) -> None:
        lowest: dict[str, list[float]] = {"freeze_thaw": [], "random": []}
        for seed in range(5):
            for name, found in lowest.items():
                values = thaw(seed=seed, window=1, stop={"budget": 90})
                if name == "random":
                    values["strategy"] = "random"
                result = run(values, tmp_path / f"{name}{seed}.db")
                found.append(min(trial.losses[0] for trial in result.trials if trial.losses))
        assert np.mean(lowest["freeze_thaw"]) < 0.6 * np.mean(lowest["random"])

    def test_every_decision_is_archived_with_the_chances_that_led_to_it(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.db"
        run(thaw(), path)
        promoted = rows(path, "SELECT reason FROM rulings WHERE verdict = 'promote'")
        random = [reason for (reason,) in promoted if reason.startswith("better than error 0.")]
        finishing = [r for (r,) in promoted if r.startswith("expected to be the best at its full")]
        assert len(random) > 20
        assert len(finishing) > 5
        assert len(random) + len(finishing) == len(promoted)
        for reason in random:
            chance, new = (float(part.split()[-1]) for part in reason.split(", a new one"))
            assert chance >= new > 0

    def test_all_that_began_is_finished_when_nothing_new_may_begin(self, tmp_path: Path) -> None:
        result = run(thaw(stop={"trials": 6}), tmp_path / "a.db")
        assert [trial.status for trial in result.trials] == [nas.Status.COMPLETE] * 6

    def test_a_larger_step(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        run(thaw(strategy={"step": 4}), path)
        pauses = rows(path, "SELECT DISTINCT step FROM rulings WHERE verdict = 'pause'")
        assert sorted(pauses) == [(4,), (8,)]

    def test_who_fails_does_not_go_on(self, tmp_path: Path) -> None:
        result = run(thaw(evaluator={"fails_at": 3}), tmp_path / "a.db")
        failed = [t for t in result.trials if t.status is nas.Status.FAILED]
        assert failed
        assert all(trial.budget == 2 for trial in failed)

    @pytest.mark.parametrize("objective", ["growers:error", "growers:weight"])
    def test_metrics_without_bounds_in_either_direction(
        self, tmp_path: Path, objective: str
    ) -> None:
        values = grow(objectives=[objective], evaluator={"every": 2}, stop={"budget": 60})
        path, strategy = tmp_path / "a.db", {"name": "freeze_thaw", "predictor": QUICK}
        result = run_grower({**values, "strategy": strategy}, path)
        assert any(trial.status is nas.Status.PAUSED for trial in result.trials)
        steps = rows(path, "SELECT DISTINCT step FROM rulings WHERE verdict = 'pause'")
        assert {step for (step,) in steps} <= {2, 4, 6, 8, 10}
        chances = rows(path, "SELECT reason FROM rulings WHERE reason LIKE 'better than %'")
        wanted = [float(reason.split()[3]) for (reason,) in chances]
        reported = rows(path, f"SELECT value FROM curves WHERE name = '{objective[8:]}'")
        usual = np.median([value for (value,) in reported])
        assert all(w < usual if objective == "growers:error" else w > usual for w in wanted[3:])

    def test_the_other_strategy_learns_from_what_is_expected(self, tmp_path: Path) -> None:
        propose = {"name": "local_search", "initial": 8}
        values = thaw(strategy={"propose": propose}, stop={"budget": 90})
        result = run(values, tmp_path / "a.db")
        assert any(trial.parents for trial in result.trials)
        assert any(trial.status is nas.Status.PAUSED for trial in result.trials)


class TestErrors:
    def test_one_objective(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match="one objective, not by error, pace"):
            run(thaw(objectives=["racers:error", "racers:pace"]), tmp_path / "a.db")

    def test_a_step_must_leave_something_to_train(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match="below the budget of a trial, which is 9"):
            run(thaw(strategy={"step": 9}), tmp_path / "a.db")

    def test_what_proposes_must_not_pause(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match="propose must be a strategy that pauses no"):
            run(thaw(strategy={"propose": STRATEGY}), tmp_path / "a.db")

    def test_a_value_outside_the_bounds(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match=r"error: .* within the bounds 0 to 0.2"):
            run(thaw(strategy={"high": 0.2}), tmp_path / "a.db")

    def test_an_objective_that_is_reported_at_the_end_only(self, tmp_path: Path) -> None:
        values = grow(objectives=["growers:weight"], evaluator={"silent": True})
        with pytest.raises(nas.StudyError, match="nothing was reported of weight"):
            run_grower({**values, "strategy": "freeze_thaw"}, tmp_path / "a.db")

    @pytest.mark.parametrize(
        "parameters",
        [{"step": 0}, {"low": "0"}, {"high": math.nan}, {"low": 1, "high": 0}],
    )
    def test_bad_parameters_are_named(self, parameters: dict[str, Any]) -> None:
        with pytest.raises(nas.ComponentError, match=next(iter(parameters))):
            nas.strategy("freeze_thaw", **parameters)

    def test_built_by_hand_without_parts(self) -> None:
        from nas_strategies.freeze_thaw import FreezeThaw

        space = nas.space("mlp", input_shape=[4], classes=2)
        with pytest.raises(nas.StudyError, match="expected a built curve predictor and strategy"):
            FreezeThaw().start(nas.Problem(space, (nas.Goal("error"),), 0, budget=9))


class Flat(nas.CurvePosterior):
    """Normal about the last value; the spread grows with the distance, at its own pace."""

    def __init__(self, curve: np.ndarray, epochs: int) -> None:
        self.steps = np.arange(len(curve) + 1, epochs + 1)
        pace = 0.01 + abs(math.sin(1000 * curve.sum()))
        self._mean, self._spread = curve[-1], 0.1 * pace * (self.steps - len(curve))

    def quantiles(self, levels: Sequence[float]) -> np.ndarray:
        return (self._mean + self._spread[:, None] * ndtri(np.asarray(levels)))[None]

    def exceedance(self, value: Any) -> np.ndarray:
        return np.asarray(ndtr((self._mean - value) / self._spread))[None]

    def log_density(self, values: np.ndarray) -> np.ndarray:
        raise NotImplementedError


class FlatPredictor(nas.CurvePredictor):
    def extrapolate(self, curves: np.ndarray, epochs: int) -> Flat:
        return Flat(curves[0], epochs)


class Recorder(nas.Strategy):
    """Proposes at random, and keeps what it is told."""

    def start(self, problem: nas.Problem) -> None:
        self.space = problem.space
        self.told: list[nas.Trial] = []

    def ask(self, rng: Any) -> nas.Proposal:
        return nas.Proposal(self.space.sample(rng))

    def tell(self, trial: nas.Trial) -> None:
        self.told.append(trial)


def paused(number: int, curve: Sequence[float]) -> nas.Trial:
    points = tuple(nas.CurvePoint(i, {"error": v}) for i, v in enumerate(curve, 1))
    architecture = nas.Architecture({"x": number})
    status = nas.Status.PAUSED if len(curve) < 10 else nas.Status.COMPLETE
    return nas.Trial(number, architecture, status, (curve[-1],), budget=len(curve), curve=points)


errors = st.floats(0.01, 0.99)
partial = st.lists(st.lists(errors, min_size=1, max_size=9), min_size=1, max_size=12)


class TestByHand:
    def started(self, finish: float = 0.25) -> tuple[Any, Recorder]:
        from nas_strategies.freeze_thaw import FreezeThaw

        strategy, inner = FreezeThaw(low=0, high=1, finish=finish), Recorder()
        strategy.used = (FlatPredictor(), inner)
        space = nas.space("mlp", input_shape=[4], classes=2)
        strategy.start(nas.Problem(space, (nas.Goal("error"),), 0, budget=10))
        return strategy, inner

    @given(partial, st.integers(0, 10_000), st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_the_largest_chance_of_all_goes_on(
        self, curves: list[list[float]], seed: int, begins: bool
    ) -> None:
        strategy, _ = self.started(finish=0)
        for number, curve in enumerate(curves):
            strategy.begun(number, nas.Proposal(nas.Architecture({"x": number})))
            strategy.tell(paused(number, curve))
            strategy.resume(random.Random(seed + 1), True)  # may change nothing but memories
            for entry in strategy._entries.values():
                entry.waits = True
        promotion = strategy.resume(random.Random(seed), begins)

        draws, scale = random.Random(seed), _scale()
        draws.random()  # whether it finishes one
        horizon, tau = 1 + int(draws.random() * 10), 10 ** (-4 + 3 * draws.random())
        best = max(float(scale.normalise(curve).max()) for curve in curves)
        threshold = best + tau * (1 - best)
        chances = []
        for curve in curves:
            flat = Flat(scale.normalise(np.array(curve)), 10)
            at = min(len(curve) + horizon, 10) - len(curve) - 1
            chances.append(float(flat.exceedance(threshold)[0, at]))
        if begins and max(chances) <= 1 / (len(curves) + 1):
            assert promotion is None
        else:
            assert promotion is not None
            assert promotion.number == int(np.argmax(chances))
            assert promotion.until == len(curves[promotion.number]) + 1

    @given(partial, st.integers(0, 10_000))
    @settings(max_examples=40, deadline=None)
    def test_what_is_expected_to_be_the_best_is_finished(
        self, curves: list[list[float]], seed: int
    ) -> None:
        strategy, _ = self.started(finish=1)
        complete = [0.5] * 10
        for number, curve in enumerate([complete, *curves]):
            strategy.begun(number, nas.Proposal(nas.Architecture({"x": number})))
            strategy.tell(paused(number, curve))
        promotion = strategy.resume(random.Random(seed), True)
        lasts = [curve[-1] for curve in curves]
        if min(lasts) < 0.5 - 1e-9:
            assert promotion is not None
            assert lasts[promotion.number - 1] == pytest.approx(min(lasts), abs=1e-12)
            assert promotion.reason.startswith("expected to be the best at its full budget: error")
        elif promotion is not None:
            assert promotion.reason.startswith("better than error")

    def test_the_other_strategy_is_told_what_is_expected_of_each(self) -> None:
        strategy, inner = self.started()
        for number in range(5):
            strategy.begun(number, nas.Proposal(nas.Architecture({"x": number})))
        earlier = nas.Trial(-1, nas.Architecture({"x": 9}), nas.Status.COMPLETE, (0.3,))
        failed = nas.Trial(3, nas.Architecture({"x": 3}), nas.Status.FAILED)
        for trial in (earlier, paused(2, [0.5] * 10), paused(0, [0.9, 0.4]), failed):
            strategy.tell(trial)
        strategy.ask(random.Random(0))
        told = [(t.number, t.status, *(round(loss, 6) for loss in t.losses)) for t in inner.told]
        complete, middle = nas.Status.COMPLETE, 0.45
        assert told == [
            (-1, complete, 0.3),
            (0, complete, 0.4),
            (1, complete, middle),
            (2, complete, 0.5),
            (3, nas.Status.FAILED),
            (4, complete, middle),
        ]
        strategy.tell(paused(0, [0.9, 0.4, 0.2]))
        strategy.ask(random.Random(0))
        assert [t.losses for t in inner.told if t.number == 0] == [pytest.approx((0.2,))]


def _scale() -> Any:
    from nas.abstract.curve_scale import CurveScale

    return CurveScale.between(0, 1, "minimize")
