"""Benchmarks from Python: what runs, what goes on, what is refused, what is shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toy_benchmark import entry, planned, ran, row_of, table, values
from toys import TOY, rows

import nas
from nas.benchmark.report import report
from nas.benchmark.running import Progress
from nas.benchmark.truth import known_losses


def test_each_strategy_with_each_seed_is_a_study(tmp_path: Path) -> None:
    outcome, (found,) = ran(values(tmp_path), tmp_path / "a.db")
    assert outcome.failed == []
    names = {
        f"small/toy/{strategy}/{seed}"
        for strategy in ("random", "RE 4-2", "climb")
        for seed in range(3)
    }
    with nas.Archive(tmp_path / "a.db") as archive:
        studies = archive.studies()
        assert {study.name for study in studies} == names
        assert {study.seed for study in studies} == {0, 1, 2}
        assert all(len(archive.trials(study)) == 12 for study in studies)
    assert [row.strategy for row in found.rows] == ["random", "RE 4/2", "climb"]
    assert [row.seeds for row in found.rows] == [3, 3, 3]
    assert found.checkpoints == (3, 6, 12)


def test_numbers_are_those_counted_by_hand(tmp_path: Path) -> None:
    _, (found,) = ran(values(tmp_path), tmp_path / "a.db")
    assert (found.kind, found.exact, found.best) == ("regret", True, 12.0)
    tests: dict[str, list[list[float]]] = {}
    with nas.Archive(tmp_path / "a.db") as archive:
        for row in found.rows:
            label = row.strategy.replace("/", "-")
            for i, after in enumerate(found.checkpoints):
                best = [
                    max(archive.trials(f"small/toy/{label}/{seed}")[:after], key=_valid)
                    for seed in range(3)
                ]
                assert row.found[i].mean == pytest.approx(12 - np.mean([_valid(t) for t in best]))
                tests.setdefault(row.strategy, []).append([t.metrics["test"] for t in best])
                assert row.judged[i].mean == pytest.approx(np.mean(tests[row.strategy][i]))
    for row in found.rows[1:]:
        for i in range(3):
            gains = np.subtract(tests[row.strategy][i], tests["random"][i])
            assert row.gain[i].mean == pytest.approx(gains.mean())


def _valid(trial: nas.Trial) -> float:
    return trial.metrics["valid"]


def test_every_trial_has_the_result_of_its_own_architecture(tmp_path: Path) -> None:
    """The trap of a reward that is credited to another sample than the one that was drawn."""
    ran(values(tmp_path, window=3), tmp_path / "a.db")
    with nas.Archive(tmp_path / "a.db") as archive:
        trials = [trial for study in archive.studies() for trial in archive.trials(study)]
    assert len(trials) == 9 * 12
    for trial in trials:
        digits = [int(value) for value in trial.architecture.values()]
        found = [trial.metrics[name] for name in ("valid", "test", "cost")]
        assert found == row_of(digits)


def test_what_is_finished_does_not_run_again(tmp_path: Path) -> None:
    seen: list[Progress] = []
    first = ran(values(tmp_path), tmp_path / "a.db")
    again = ran(values(tmp_path), tmp_path / "a.db", seen=seen)
    assert seen == []
    assert repr(again) == repr(first)


def test_seeds_strategies_and_trials_can_be_added(tmp_path: Path) -> None:
    ran(values(tmp_path, seeds=2, strategies=["climb"]), tmp_path / "a.db")
    more = {"seeds": 3, "trials": 20, "strategies": ["climb", "local_search"]}
    seen: list[Progress] = []
    _, grown = ran(values(tmp_path, **more), tmp_path / "a.db", seen=seen)
    _, at_once = ran(values(tmp_path, **more), tmp_path / "b.db")
    assert len(seen) == 9
    assert _without_times(grown) == _without_times(at_once)
    # fewer again: nothing to run, and the same as if there had never been more
    small = values(tmp_path, seeds=2, strategies=["climb"])
    _, cut = ran(small, tmp_path / "b.db")
    _, fresh = ran(small, tmp_path / "c.db")
    assert _without_times(cut) == _without_times(fresh)


def _without_times(reports: Any) -> str:
    from dataclasses import replace

    bare = [
        replace(r, rows=tuple(replace(s, choosing=None, choosing_late=None) for s in r.rows))
        for r in reports
    ]
    return repr(bare)


def test_another_config_under_the_same_label_is_refused(tmp_path: Path) -> None:
    ran(values(tmp_path), tmp_path / "a.db")
    other = values(tmp_path, strategies=[{"name": "local_search", "label": "climb"}])
    with pytest.raises(nas.StudyError, match=r"strategy.name: \"climb\" -> \"local_search\""):
        ran(other, tmp_path / "a.db")


def test_several_objectives(tmp_path: Path) -> None:
    objectives = [
        {"name": "reported", "metric": "valid", "direction": "maximize"},
        {"name": "reported", "metric": "cost"},
    ]
    of = entry(tmp_path, objectives=objectives, target=0.5)
    del of["judge"]
    two = values(tmp_path, tables=[of], strategies=[{"name": "nsga2", "population": 4}])
    _, (found,) = ran(two, tmp_path / "a.db")
    assert (found.kind, found.exact, found.best) == ("hypervolume", True, None)
    # the front reaches from 4 at cost 0 to 12 at cost 20; a tenth beyond
    assert found.reference == pytest.approx((4 - 0.8, 20 + 2))
    for row in found.rows:
        means = [one.mean or 0 for one in row.found]
        assert 0 <= means[0] <= means[1] <= means[2] <= 1
        assert row.target is not None
    _, (fixed,) = ran({**two, "tables": [{**of, "reference": [0, 30]}]}, tmp_path / "a.db")
    assert fixed.reference == (0, 30)
    assert fixed.rows[0].found != found.rows[0].found


def test_bounds_hold_for_runs_and_for_the_best(tmp_path: Path) -> None:
    objectives = [{"name": "reported", "metric": "valid", "direction": "maximize", "max": 9}]
    _, (found,) = ran(
        values(tmp_path, tables=[entry(tmp_path, objectives=objectives)]), tmp_path / "a.db"
    )
    assert found.best == 9
    assert all((row.found[-1].mean or 0) >= 0 for row in found.rows)


def test_without_a_table_regret_is_to_what_was_seen(tmp_path: Path) -> None:
    worked_for = {
        "name": "tally",
        "space": "toy",
        "evaluator": "tally",
        "objectives": ["total"],
    }
    plan = planned(values(tmp_path, tables=[worked_for]))
    assert known_losses(plan.parts["tally"]) is None
    _, (found,) = ran(values(tmp_path, tables=[worked_for]), tmp_path / "a.db")
    (best,) = rows(tmp_path / "a.db", "SELECT min(total) FROM trials_wide")[0]
    assert (found.exact, found.best) == (False, best)
    assert found.judge is None


def test_one_seed_says_nothing(tmp_path: Path) -> None:
    _, (found,) = ran(values(tmp_path, seeds=1), tmp_path / "a.db")
    assert {row.verdict for row in found.rows[1:]} == {"one seed: no interval, nothing can be said"}
    assert found.rows[1].found[0].low is None


BROKEN = """
import nas

class Broken(nas.Strategy):
    def __init__(self, window=1):
        self.window = window

    def start(self, problem):
        self._space = problem.space

    def ask(self, rng):
        if rng.random() < 0.3:
            raise ZeroDivisionError("what a bug")
        return nas.Proposal(self._space.sample(rng))

    def tell(self, trial):
        pass

@nas.hookimpl
def nas_strategies():
    return [nas.Component("broken", Broken, "breaks")]

@nas.hookimpl
def nas_tables():
    return [nas.Component("toy-table", lambda: TABLE, "125 rows", "made here")]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A strategy that breaks, and a table with a name."""
    path = tmp_path / "more.py"
    of = entry(tmp_path)
    del of["name"]
    path.write_text(f"TABLE = {of!r}\n{BROKEN}")
    return path


def test_a_strategy_that_breaks_costs_the_others_nothing(tmp_path: Path, plugin: Path) -> None:
    outcome, (found,) = ran(
        values(tmp_path, strategies=["broken", "climb"]), tmp_path / "a.db", plugin
    )
    assert {ended.entry.strategy for ended in outcome.failed} == {"broken"}
    assert {ended.error for ended in outcome.failed} == {"ZeroDivisionError: what a bug"}
    broken = next(row for row in found.rows if row.strategy == "broken")
    assert broken.seeds == 0
    assert broken.verdict.startswith("cannot be compared")
    assert next(row for row in found.rows if row.strategy == "climb").seeds == 3


def test_a_table_by_its_name(tmp_path: Path, plugin: Path) -> None:
    named = values(tmp_path, tables=["toy-table"])
    _, (found,) = ran(named, tmp_path / "a.db", plugin)
    assert (found.table, found.best, found.target) == ("toy-table", 12, 8)
    plan = planned("toy-table", plugin)
    assert plan.config.name == "toy-table"
    assert [s.called for s in plan.config.everyone] == [
        "random",
        "regularized_evolution",
        "local_search",
    ]
    with pytest.raises(nas.ComponentError, match="Did you mean 'toy-table'"):
        planned("toy-tabel", plugin)
    with pytest.raises(nas.ConfigError, match="cannot be read"):
        planned(tmp_path / "absent.toml", plugin)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sedes": 3}, "unknown key 'sedes'. Did you mean 'seeds'"),
        ({"seeds": 0}, "seeds: .*greater than or equal to 1"),
        ({"checkpoints": [5, 13]}, "checkpoint 13 is beyond the 12 trials"),
        ({"strategies": ["climb", "climb"]}, "two strategies are called 'climb'"),
        ({"strategies": []}, "strategies: .*at least 1"),
        ({"strategies": ["clmib"]}, "Did you mean 'climb'"),
        ({"strategies": [{"name": "climb", "population": 3}]}, "population"),
        ({"strategies": [{"name": "climb", "label": "random"}]}, "the line to beat"),
        (
            {"strategies": [{"name": "climb", "filter": {"proxis": []}}]},
            "Did you mean 'proxies'[^;]*$",
        ),
        ({"run": {"executor": "slurm"}}, "run.executor: .*'ray' or 'inline'"),
        ({"run": {"worker": 2}}, "Did you mean 'workers'"),
    ],
)
def test_a_config_that_cannot_be_meant(tmp_path: Path, changes: Any, message: str) -> None:
    with pytest.raises((nas.ConfigError, nas.ComponentError), match=message):
        planned(values(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"judges": {"metric": "test"}}, r"'tables\[0\].judges'. Did you mean 'judge'"),
        ({"judge": {"metric": "tset"}}, "no metric 'tset' to judge by. Did you mean 'test'"),
        ({"judge": {"metrics": "test"}}, "Did you mean 'metric'"),
        ({"reference": [1.0]}, "reference is for several objectives"),
        ({"space": "tpy"}, "Did you mean 'toy'"),
        ({"objectives": ["total"]}, "needs the metric 'total'"),
    ],
)
def test_a_table_that_cannot_be_meant(tmp_path: Path, changes: Any, message: str) -> None:
    with pytest.raises((nas.ConfigError, nas.ComponentError), match=message):
        planned(values(tmp_path, tables=[entry(tmp_path, **changes)]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": 8}, "target is a share of the hypervolume"),
        ({"judge": {"metric": "test"}, "target": 0.9}, "a judge is for one objective"),
        ({"reference": [1.0], "target": 0.9}, "reference has 1 values"),
    ],
)
def test_several_objectives_that_cannot_be_meant(
    tmp_path: Path, changes: Any, message: str
) -> None:
    of = entry(tmp_path, objectives=["total", "first"])
    del of["judge"]
    with pytest.raises(nas.ConfigError, match=message):
        planned(values(tmp_path, tables=[{**of, **changes}]))


def test_random_search_runs_whoever_is_named(tmp_path: Path) -> None:
    plan = planned(values(tmp_path, strategies=["climb"]))
    assert [s.called for s in plan.config.everyone] == ["random", "climb"]
    named = [{"name": "random", "label": "chance"}, "climb"]
    assert planned(values(tmp_path, strategies=named)).config.line_to_beat == "chance"
    filtered = [
        {"name": "random", "label": "best of 3", "filter": {"proxy": "lean", "candidates": 3}}
    ]
    plan = planned(values(tmp_path, strategies=filtered))
    assert [s.called for s in plan.config.everyone] == ["random", "best of 3"]


def test_a_config_in_toml(tmp_path: Path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(
        f"""
        name = "written"
        trials = 8
        [[tables]]
        name = "toy"
        space = "toy"
        evaluator = {{ name = "tabular", path = {json.dumps(table(tmp_path))} }}
        objectives = [{{ name = "reported", metric = "valid", direction = "maximize" }}]
        [[strategies]]
        name = "climb"
        """
    )
    plan = planned(path)
    assert plan.config.told_after == (2, 4, 8)
    assert len(plan.entries) == 20 * 2
    assert TOY.exists()


def test_an_archive_that_had_just_begun(tmp_path: Path) -> None:
    (tmp_path / "a.db").touch()
    assert report(planned(values(tmp_path)), tmp_path / "a.db") == []
    _, (found,) = ran(values(tmp_path, seeds=1), tmp_path / "a.db")
    assert found.rows[0].seeds == 1


def test_a_parameter_called_like_a_key_of_the_benchmark(tmp_path: Path, plugin: Path) -> None:
    """Only ``name``, ``label`` and ``filter`` are the benchmark's; the rest is the strategy's."""
    plan = planned(values(tmp_path, strategies=[{"name": "broken", "window": 5}]), plugin)
    study = plan.of("toy", "broken")[0].config
    assert study.strategy.parameters == {"window": 5}
    assert study.window == 1


def test_a_panel_for_each_table(tmp_path: Path) -> None:
    """Whatever there is to draw: one seed without a band, several objectives, no regret at all."""
    from nas.benchmark.plot import benchmark_figure, draw

    objectives = [
        {"name": "reported", "metric": "valid", "direction": "maximize"},
        {"name": "reported", "metric": "cost"},
    ]
    two = entry(tmp_path, name="two", objectives=objectives, target=0.5)
    del two["judge"]
    found = values(
        tmp_path, seeds=1, trials=125, tables=[entry(tmp_path), two], strategies=["listed"]
    )
    _, reports = ran(found, tmp_path / "a.db")
    assert reports[0].rows[0].found[-1].mean == 0  # the whole space was evaluated
    assert reports[1].rows[0].found[-1].mean == pytest.approx(1)
    figure = benchmark_figure(reports)
    lines = [trace for trace in figure.traces if "name" in trace]
    assert [(t["name"], t["xaxis"]) for t in lines] == [
        (label, axis)
        for axis, report in zip(("x", "x2"), reports, strict=True)
        for label in report.curves
    ]
    assert sum(trace["showlegend"] for trace in lines) == len(reports[0].curves)
    share = next(t for t in lines if t["xaxis"] == "x2")
    assert share["y"] == reports[1].curves[share["name"]].mean.tolist()
    assert len({trace["line"]["dash"] for trace in lines}) == len(reports[0].curves)
    for name in ("a.png", "a.html"):
        draw(reports, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1_000


def test_no_mean_while_a_seed_has_nothing(tmp_path: Path) -> None:
    objectives = [{"name": "reported", "metric": "valid", "direction": "maximize", "min": 11}]
    of = entry(tmp_path, objectives=objectives)
    _, (found,) = ran(values(tmp_path, trials=2, tables=[of]), tmp_path / "a.db")
    with nas.Archive(tmp_path / "a.db") as archive:
        lucky = [archive.front(f"small/toy/random/{seed}") != [] for seed in range(3)]
    assert not all(lucky)
    assert found.rows[0].found[-1].mean is None
    assert found.rows[1].verdict == "cannot be compared: not all seeds have a result"
