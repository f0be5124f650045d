"""A study that begins with what earlier ones have found out."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from toys import TOY, config, rows, told
from toys import run as searched

import nas

LARGE = {"name": "toy", "length": 6}
HELPERS = '''
import json
from dataclasses import dataclass
from pathlib import Path

import nas


@dataclass
class Diary(nas.Strategy):
    """Draws at random, and writes down what it is told; names every trial it knows as parent."""

    path: str

    def start(self, problem):
        self.space, self.numbers = problem.space, []

    def ask(self, rng):
        return nas.Proposal(self.space.sample(rng), tuple(self.numbers))

    def tell(self, trial):
        self.numbers.append(trial.number)
        seen = [trial.number, list(trial.losses), trial.violation, trial.architecture.to_json()]
        with open(self.path, "a") as file:
            file.write(json.dumps([*seen, list(trial.parents), dict(trial.metrics)]) + "\\n")


class Length(nas.MeasuredObjective):
    """What is measured by a protocol that a file names."""

    metric, direction, unit = "length", "minimize", "m"

    def __init__(self, protocol):
        self.protocol = protocol

    def measure(self, network, input_shape, threads):
        return nas.Measurement(1.0, 0.0, {"ruler": Path(self.protocol).read_text()})


@nas.hookimpl
def nas_strategies():
    return [nas.Component("diary", Diary, "writes down")]


@nas.hookimpl
def nas_objectives():
    return [nas.Component("length", Length, "measured")]
'''


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """An archive with a study of 30 trials."""
    path = tmp_path / "old.db"
    searched(config(strategy="regularized_evolution", stop={"trials": 30}), path)
    return path


@pytest.fixture
def helpers(tmp_path: Path) -> Path:
    (tmp_path / "helpers.py").write_text(HELPERS)
    return tmp_path / "helpers.py"


def warm(path: Path, *archives: Path, trials: int = 10, **changes: Any) -> nas.Result:
    """A study of another name that begins with what the archives hold."""
    table = {"archives": [str(a) for a in archives]} if archives else {}
    table.update(changes.pop("table", {}))
    plugins = [TOY, *changes.pop("plugins", ())]
    values = config(study="new", warm_start=table, stop={"trials": trials}, **changes)
    return nas.search(values, path, plugins=plugins)


def studied(path: Path, study: str = "toy") -> list[nas.Trial]:
    with nas.Archive(path) as archive:
        return archive.trials(study)


class Told:
    """What the strategy ``diary`` was told before it was asked."""

    def __init__(self, path: Path) -> None:
        found = [json.loads(line) for line in path.read_text().splitlines()]
        early = [one for one in found if one[0] < 0]
        assert found[: len(early)] == early, "earlier trials come first"
        self.numbers = [one[0] for one in early]
        self.losses = [tuple(one[1]) for one in early]
        self.violations = [one[2] for one in early]
        self.decisions = [one[3] for one in early]
        self.parents = [one[4] for one in early]
        self.metrics = [one[5] for one in early]


@pytest.fixture
def diary(tmp_path: Path, helpers: Path) -> Any:
    """Return what searches with that strategy, and says what it was told."""

    def run(path: Path, *archives: Path, **changes: Any) -> Told:
        log = tmp_path / "diary.jsonl"
        log.unlink(missing_ok=True)
        strategy = {"name": "diary", "path": str(log)}
        warm(path, *archives, strategy=strategy, plugins=[helpers], **changes)
        return Told(log)

    return run


class TestWhatIsTold:
    def test_all_complete_trials_from_the_worst_to_the_best(self, old: Path, diary: Any) -> None:
        seen = diary(old.with_name("new.db"), old)
        earlier = studied(old)
        assert sorted(seen.decisions) == sorted(t.architecture.to_json() for t in earlier)
        assert seen.numbers == list(range(-30, 0))
        assert seen.losses == sorted((t.losses for t in earlier), reverse=True)
        assert set(map(tuple, seen.parents)) == {()}

    def test_by_default_from_the_same_archive(self, old: Path, diary: Any) -> None:
        assert len(diary(old).numbers) == 30

    def test_from_several_archives_and_each_architecture_once(self, old: Path, diary: Any) -> None:
        other = old.with_name("other.db")
        searched(config(strategy="random", seed=1, stop={"trials": 40}), other)
        seen = diary(old.with_name("new.db"), old, other)
        both = {t.architecture.to_json() for t in studied(old) + studied(other)}
        assert len(seen.decisions) == len(both) < 70
        assert set(seen.decisions) == both

    def test_studies_by_name(self, old: Path, diary: Any) -> None:
        searched(config(study="second", strategy="random", seed=1, stop={"trials": 5}), old)
        seen = diary(old.with_name("new.db"), old, table={"studies": ["second"]})
        expected = {t.architecture.to_json() for t in studied(old, "second")}
        assert set(seen.decisions) == expected

    def test_the_best_of_them(self, old: Path, diary: Any) -> None:
        seen = diary(old, table={"limit": 4})
        assert seen.losses == sorted(t.losses for t in studied(old))[:4][::-1]
        assert seen.numbers == [-4, -3, -2, -1]

    def test_of_several_objectives_the_best_fronts(self, tmp_path: Path, diary: Any) -> None:
        path, objectives = tmp_path / "old.db", ["total", "spread"]
        result = searched(config(objectives=objectives, strategy="random"), path)
        front = {t.architecture.to_json() for t in result.front}
        seen = diary(path, objectives=objectives, table={"limit": len(front)})
        assert set(seen.decisions) == front

    def test_losses_and_bounds_are_the_new_studys(self, old: Path, diary: Any) -> None:
        goals = [{"name": "spread"}, {"name": "total", "max": 4}]
        seen = diary(old, objectives=goals)
        for losses, violation, metrics in zip(
            seen.losses, seen.violations, seen.metrics, strict=True
        ):
            assert losses == (-metrics["spread"], metrics["total"])
            assert violation == max(metrics["total"] - 4, 0) / 4
        assert seen.violations == sorted(seen.violations, reverse=True)

    def test_what_follows_from_the_architecture_is_computed(self, old: Path, diary: Any) -> None:
        seen = diary(old, objectives=["total", "first"])
        assert [losses[1] for losses in seen.losses] == [
            json.loads(decisions)["d0"] for decisions in seen.decisions
        ]

    def test_failed_and_infeasible_trials_are_left_out(self, tmp_path: Path, diary: Any) -> None:
        path = tmp_path / "old.db"
        evaluator = {"name": "tally", "on": 1, "mode": "raise"}
        objectives = ["total", {"name": "first", "max": 2}]
        values = {"evaluator": evaluator, "objectives": objectives, "strategy": "random"}
        result = searched(config(**values, stop={"trials": 15}), path)
        seen = diary(path, evaluator=evaluator, objectives=objectives)
        complete = [t for t in result.trials if t.status is nas.Status.COMPLETE]
        assert 0 < len(complete) == len(seen.numbers) < len(result.trials)


class TestTheNewStudy:
    def test_holds_its_own_trials_alone(self, old: Path, diary: Any) -> None:
        diary(old)
        trials = studied(old, "new")
        known = {t.architecture for t in studied(old)}
        assert [t.number for t in trials] == list(range(10))
        assert all(0 <= p < t.number for t in trials for p in t.parents)
        assert trials[-1].parents, "parents of its own are kept"
        assert not any(t.architecture in known for t in trials)
        with nas.Archive(old) as archive:
            assert all(t.architecture not in known for t in archive.front("new"))

    def test_until_the_space_is_exhausted(self, old: Path) -> None:
        result = warm(old, trials=1000, strategy="random")
        assert len(result.trials) == 125 - 30
        assert result.reason == "every architecture that the space has left was evaluated"

    def test_with_reuse_what_is_known_here_is_answered_at_no_cost(self, old: Path) -> None:
        result = warm(old, trials=125, strategy="random", reuse=True)
        reused = rows(old, "SELECT count(*) FROM trials WHERE reused IS NOT NULL")
        assert reused == [(30,)]
        assert min(t.losses for t in result.front) == min(t.losses for t in result.trials)

    def test_with_reuse_what_another_archive_knows_is_not_done_again(self, old: Path) -> None:
        new = old.with_name("new.db")
        result = warm(new, old, trials=1000, strategy="random", reuse=True)
        assert len(result.trials) == 125 - 30

    def test_what_was_evaluated_in_another_way_is_evaluated(self, old: Path) -> None:
        other = {"name": "tally", "seconds": 1e-6}
        table = {"any_evaluation": True}
        result = warm(old, trials=1000, strategy="random", evaluator=other, table=table)
        assert len(result.trials) == 125

    @pytest.mark.parametrize(
        "strategy",
        [
            "random",
            {"name": "regularized_evolution", "population": 10, "sample": 4},
            {"name": "nsga2", "population": 10},
            "local_search",
            {"name": "portfolio", "strategies": ["local_search", "nsga2"], "initial": 1},
            "nevergrad",
            "reinforce",
            {"name": "bananas", "predictor": "ridge"},
            {"name": "predictor_evolution", "predictor": "ridge", "evaluations": 200},
        ],
        ids=lambda value: value["name"] if isinstance(value, dict) else value,
    )
    def test_every_strategy_takes_it(self, tmp_path: Path, strategy: Any) -> None:
        path = tmp_path / "a.db"
        values = {"space": LARGE, "objectives": ["total", "spread"]}
        searched(config(strategy="random", stop={"trials": 25}, **values), path)
        result = warm(path, trials=30, strategy=strategy, **values)
        assert len({t.architecture for t in result.trials} | set(map(_of, studied(path)))) == 55

    @pytest.mark.parametrize("strategy", ["regularized_evolution", "nsga2", "local_search"])
    def test_finds_sooner_what_a_cold_one_finds_later(self, tmp_path: Path, strategy: str) -> None:
        warm_at_20, cold_at_20, cold_at_40 = 0.0, 0.0, 0.0
        for seed in range(3):
            path = tmp_path / f"{seed}.db"
            searched(
                config(strategy=strategy, seed=seed + 50, space=LARGE, stop={"trials": 60}), path
            )
            cold = searched(
                config(strategy=strategy, seed=seed, space=LARGE, stop={"trials": 40}),
                tmp_path / f"{seed}-cold.db",
            ).trials
            new = warm(path, trials=20, strategy=strategy, space=LARGE, seed=seed)
            cold_at_20 += _best(cold[:20])
            cold_at_40 += _best(cold[:40])
            warm_at_20 += _best(new.trials)
        assert warm_at_20 <= cold_at_40 < cold_at_20

    def test_a_filters_predictor_knows_from_the_first_trial_on(self, tmp_path: Path) -> None:
        path = tmp_path / "old.db"
        wanted = {"predictor": "ridge", "candidates": 8, "random": 0.0}
        searched(config(strategy="random", space=LARGE, stop={"trials": 40}), path)
        result = warm(path, strategy="random", space=LARGE, filter=wanted)
        with nas.Archive(path) as archive:
            scores = archive.scores("new")
        assert {len(of_trial) for of_trial in scores.values()} == {8}
        assert sum(t.losses[0] for t in result.trials) / 10 < 8  # of 12 on average

    def test_says_so(self, old: Path) -> None:
        plans = []

        class Watch:
            def started(self, study: nas.Study, plan: Any) -> None:
                plans.append(plan.search_space)

            def progress(self, progress: Any) -> None: ...

            def finished(self, study: nas.Study, reason: str) -> None: ...

        values = config(study="new", warm_start={}, strategy="random")
        searched(values, old, observer=Watch())
        assert plans == ["toy, 125 architectures, 30 known from earlier studies"]


def _of(trial: nas.Trial) -> nas.Architecture:
    return trial.architecture


def _best(trials: list[nas.Trial]) -> float:
    return min(trial.losses[0] for trial in trials)


class TestWhatDoesNotFit:
    def refused(self, path: Path, *archives: Path, **changes: Any) -> str:
        with pytest.raises(nas.StudyError) as caught:
            warm(path, *archives, strategy="random", **changes)
        with nas.Archive(path) as archive:
            assert "new" not in [study.name for study in archive.studies()]
        return str(caught.value)

    def test_another_space(self, old: Path) -> None:
        said = self.refused(old, space=LARGE)
        assert re.search(r"study 'toy' in '.*old\.db': it is in another space, toy:toy \{\}", said)
        assert '{"length":6}' in said

    def test_another_evaluation(self, old: Path) -> None:
        said = self.refused(old, evaluator={"name": "tally", "seconds": 1e-6})
        assert "evaluated in another way (evaluator.seconds: null -> 1e-06)" in said
        assert "any_evaluation = true" in said

    def test_a_metric_that_is_missing(self, old: Path) -> None:
        objective = {"name": "reported", "metric": "valid"}
        table = old.with_name("toy.csv")
        cells = [f'"{{""d0"": {digit}, ""d1"": 0, ""d2"": 0}}",1' for digit in range(5)]
        table.write_text("\n".join(["architecture,valid", *cells]))
        evaluator = {"name": "tabular", "path": str(table)}
        said = self.refused(
            old,
            objectives=[objective],
            evaluator=evaluator,
            table={"any_evaluation": True},
        )
        assert "none of its trials can be used" in said
        assert "valid is not known; known: spread, total" in said

    def test_nothing_at_all(self, tmp_path: Path) -> None:
        said = self.refused(tmp_path / "new.db")
        assert re.search(r"there is no earlier study in '.*new\.db'", said)

    def test_no_complete_trial(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        failing = {"name": "tally", "on": 0, "mode": "raise"}
        with pytest.raises(nas.StudyError, match="failed in the same way"):
            searched(config(evaluator=failing), path)
        assert "it has no complete trial" in self.refused(path, evaluator=failing)

    def test_a_study_that_is_named_must_fit(self, old: Path) -> None:
        searched(config(study="large", space=LARGE), old)
        assert len(warm(old.with_name("b.db"), old, strategy="random").trials) == 10
        said = self.refused(old, table={"studies": ["toy", "large"]})
        assert "study 'large'" in said
        assert "study 'toy'" not in said

    def test_a_study_that_is_not_there(self, old: Path) -> None:
        said = self.refused(old, table={"studies": ["toi"]})
        assert "no study 'toi'. Did you mean 'toy'? Earlier studies: toy" in said

    def test_an_archive_that_is_not_there(self, old: Path) -> None:
        with pytest.raises(nas.ArchiveError, match=r"warm_start: there is no archive '.*gone\.db'"):
            warm(old, old.with_name("gone.db"), strategy="random")

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ({"archives": []}, "archives"),
            ({"archives": "old.db"}, "archives"),
            ({"limit": 0}, "limit"),
            ({"study": "toy"}, "Did you mean 'warm_start.studies'|Did you mean 'studies'"),
        ],
    )
    def test_bad_values_are_named(self, table: dict[str, Any], message: str) -> None:
        with pytest.raises(nas.ConfigError, match=message):
            nas.Config.parse(config(warm_start=table))

    def test_what_was_measured_by_another_protocol(self, tmp_path: Path, helpers: Path) -> None:
        ruler = tmp_path / "ruler"
        objectives = ["total", {"name": "length", "protocol": str(ruler)}]

        def search(path: Path, **changes: Any) -> nas.Result:
            values = config(objectives=objectives, strategy="random", stop={"trials": 3})
            return nas.search({**values, **changes}, path, plugins=[TOY, helpers])

        for name in ("wood", "steel"):
            ruler.write_text(name)
            search(tmp_path / f"{name}.db", study=name)
        both = {"archives": [str(tmp_path / "wood.db"), str(tmp_path / "steel.db")]}
        names = {"studies": ["wood", "steel"]}
        with pytest.raises(nas.StudyError, match="length was measured differently than in study"):
            search(tmp_path / "a.db", warm_start={**both, **names})
        # steel it is, now: trials of wood compare with none of these
        wood = {"archives": both["archives"][:1]}
        with pytest.raises(nas.StudyError, match="those that it began from: ruler: wood -> steel"):
            search(tmp_path / "b.db", warm_start=wood)
        assert search(tmp_path / "c.db", warm_start={**wood, "any_evaluation": True}).front


class TestGoingOn:
    """A study knows for ever what it knew when it was created."""

    STRATEGY: ClassVar = {"name": "regularized_evolution", "population": 8, "sample": 3}

    def parts(self, path: Path, *archives: Path, **changes: Any) -> nas.Result:
        return warm(path, *archives, strategy=self.STRATEGY, **changes)

    @pytest.mark.parametrize("own", [True, False])
    def test_even_if_the_earlier_study_has_gone_on(self, old: Path, own: bool) -> None:
        copy = old.with_name("copy.db")
        shutil.copy(old, copy)
        undisturbed, path = copy if own else old.with_name("a.db"), old.with_name("b.db")
        whole = self.parts(undisturbed, *([] if own else [copy]), trials=30)
        path = old if own else path
        sources = [] if own else [old]
        self.parts(path, *sources, trials=7)
        searched(config(strategy="regularized_evolution", stop={"trials": 45}), old)
        searched(config(study="third", strategy="random", stop={"trials": 9}), old)
        result = self.parts(path, *sources, trials=30)
        assert told(result.trials) == told(whole.trials)
        assert len(rows(path, "SELECT * FROM warm_starts")) == 1

    def test_by_its_name_alone(self, old: Path) -> None:
        path = old.with_name("new.db")
        self.parts(path, old, trials=5)
        result = nas.resume(path, overrides=["stop.trials=12"], plugins=[TOY])
        assert told(result.trials) == told(self.parts(old.with_name("c.db"), old, trials=12).trials)

    def test_in_order_of_completion(self, old: Path) -> None:
        for trials in (4, 15):
            result = self.parts(old.with_name("new.db"), old, trials=trials, order="completion")
        assert len({t.architecture for t in result.trials + studied(old)}) == 45

    def test_simulated(self, tmp_path: Path) -> None:
        """Virtual time begins at 0 again, with the same knowledge."""
        table = tmp_path / "toy.csv"
        digits = list(itertools.product(range(5), repeat=3))
        with table.open("w", newline="") as file:
            cells = csv.writer(file)
            cells.writerow(["architecture", "total", "cost"])
            for d in digits:
                decisions = json.dumps({f"d{i}": value for i, value in enumerate(d)})
                cells.writerow([decisions, sum(d), 1 + d[0]])
        values = {
            "evaluator": {"name": "tabular", "path": str(table), "seconds": "cost"},
            "objectives": [{"name": "reported", "metric": "total"}],
            "run": {"executor": "simulated", "workers": 3},
            "order": "completion",
        }
        earlier = config(study="toy", strategy="random", stop={"trials": 30}, **values)
        searched(earlier, tmp_path / "a.db")
        whole = self.parts(tmp_path / "b.db", tmp_path / "a.db", trials=20, **values)
        for trials in (6, 20):
            result = self.parts(tmp_path / "c.db", tmp_path / "a.db", trials=trials, **values)
        assert told(result.trials) == told(whole.trials)
        assert len({t.architecture for t in result.trials + studied(tmp_path / "a.db")}) == 50

    def test_not_with_another_table(self, old: Path) -> None:
        self.parts(old, trials=5)
        with pytest.raises(nas.StudyError, match=r"warm_start\.limit: null -> 3"):
            self.parts(old, trials=6, table={"limit": 3})
        with pytest.raises(nas.StudyError, match="warm_start: "):
            searched(config(study="new", strategy=self.STRATEGY), old)

    def test_not_without_the_earlier_archive(self, old: Path) -> None:
        path = old.with_name("new.db")
        self.parts(path, old, trials=5)
        old.unlink()
        with pytest.raises(nas.StudyError) as caught:
            nas.resume(path, overrides=["stop.trials=12"], plugins=[TOY])
        assert "study 'new' began with 30 trials of study 'toy' in" in str(caught.value)
        assert "there is no archive" in str(caught.value)

    def test_not_with_another_one_of_that_name(self, old: Path) -> None:
        path = old.with_name("new.db")
        self.parts(path, old, trials=5)
        old.unlink()
        searched(config(strategy="random", seed=9, stop={"trials": 30}), old)
        with pytest.raises(nas.StudyError, match="not the same any more"):
            self.parts(path, old, trials=12)

    def test_not_if_the_earlier_study_is_gone(self, old: Path) -> None:
        path = old.with_name("new.db")
        self.parts(path, old, trials=5)
        with closing(sqlite3.connect(old)) as connection, connection:
            connection.execute("UPDATE studies SET name = 'renamed'")
        with pytest.raises(nas.StudyError, match="has no study 'toy'"):
            self.parts(path, old, trials=12)
