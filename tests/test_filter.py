"""Filters by proxies: several, aggregated, with a random share, after a warm-up."""

from __future__ import annotations

import math
import signal
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from drivers import drive, ended, session, wait_for
from toys import TOY, config, told

import nas
from nas.engine.comparison import comparison
from nas.plugins import PluginFile, Plugins
from nas.ranking import spearman

SCORERS = Path(__file__).parent / "files" / "scorers.py"
SLOW = Path(__file__).parent / "files" / "slow.py"
FILES = [TOY, SCORERS]


def search(path: Path, filtered: dict[str, Any], trials: int = 20, **changes: Any) -> nas.Result:
    values = config(filter={"candidates": 5, **filtered}, stop={"trials": trials}, **changes)
    return nas.search(values, path, plugins=FILES)


def scores_of(path: Path) -> dict[int, tuple[Any, ...]]:
    with nas.Archive(path) as archive:
        return archive.scores()


class TestSeveral:
    def test_the_best_of_the_aggregate_is_taken(self, tmp_path: Path) -> None:
        result = search(tmp_path / "a.db", {"proxies": ["by_weight", "picky"], "random": 0.0})
        for number, scores in scores_of(tmp_path / "a.db").items():
            name = "proxy:log_rank(by_weight, picky)"
            assert {s.scorer for s in scores} == {name, "proxy:by_weight", "proxy:picky"}
            together = {s.architecture: s.value for s in scores if s.scorer == name}
            assert len(together) == 5
            assert together[result.trials[number].architecture] == max(together.values())

    def test_it_is_the_formula_over_all_that_was_scored_before(self, tmp_path: Path) -> None:
        search(tmp_path / "a.db", {"proxies": ["by_weight", "against"], "random": 0.0}, 6)
        seen: dict[nas.Architecture, dict[str, float]] = {}
        for _, scores in sorted(scores_of(tmp_path / "a.db").items()):
            for score in scores:
                if "(" not in score.scorer:
                    seen.setdefault(score.architecture, {})[score.scorer] = score.value
            columns = [
                [of[f"proxy:{name}"] for of in seen.values()] for name in ("by_weight", "against")
            ]
            expected = dict(zip(seen, nas.Aggregate(["a", "b"]).combine(columns), strict=True))
            for score in scores:
                if "(" in score.scorer:
                    assert score.value == pytest.approx(expected[score.architecture])

    def test_a_named_aggregate_is_the_same(self, tmp_path: Path) -> None:
        by_name = search(tmp_path / "a.db", {"proxy": "both"})
        listed = search(tmp_path / "b.db", {"proxies": ["by_weight", "picky"]})
        assert told(by_name.trials) == told(listed.trials)

    def test_one_that_is_part_of_itself_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(nas.PluginError, match="'circle' is part of itself"):
            search(tmp_path / "a.db", {"proxy": "circle"})

    def test_a_resumed_search_ranks_as_an_uninterrupted_one(self, tmp_path: Path) -> None:
        wanted = {"proxies": ["by_weight", "picky"], "warmup": {"pool": 30, "trials": 4}}
        whole = search(tmp_path / "a.db", wanted, 24)
        for trials in (2, 9, 24):
            parts = search(tmp_path / "b.db", wanted, trials)
        assert told(parts.trials) == told(whole.trials)
        assert scores_of(tmp_path / "a.db") == scores_of(tmp_path / "b.db")


class TestRandomShare:
    def test_so_many_trials_are_taken_as_they_come(self, tmp_path: Path) -> None:
        search(tmp_path / "a.db", {"proxy": "by_weight", "random": 0.5}, 60)
        sizes = [len(scores) for scores in scores_of(tmp_path / "a.db").values()]
        assert set(sizes) == {1, 5}
        assert 15 <= sizes.count(1) <= 45

    def test_all_or_none(self, tmp_path: Path) -> None:
        plain = nas.search(config(stop={"trials": 20}), tmp_path / "a.db", plugins=FILES)
        everything = search(tmp_path / "b.db", {"proxy": "by_weight", "random": 1.0})
        assert [t.architecture for t in everything.trials] == [t.architecture for t in plain.trials]
        search(tmp_path / "c.db", {"proxy": "by_weight", "random": 0})
        assert {len(scores) for scores in scores_of(tmp_path / "c.db").values()} == {5}


class TestWarmUp:
    def test_the_best_of_the_pool_come_first_and_best_first(self, tmp_path: Path) -> None:
        wanted = {"proxy": "by_weight", "warmup": {"pool": 40, "trials": 6}}
        result = search(tmp_path / "a.db", wanted, 10)
        scores = scores_of(tmp_path / "a.db")
        pool = {score.architecture: score.value for score in scores[0]}
        assert len(pool) == 40
        best = sorted(pool, key=lambda a: -pool[a])[:6]
        assert [trial.architecture for trial in result.trials[:6]] == best
        assert all(trial.parents == () for trial in result.trials[:6])
        assert [len(scores[k]) for k in range(1, 6)] == [1] * 5

    def test_the_strategy_goes_on_from_them(self, tmp_path: Path) -> None:
        wanted = {"proxy": "by_weight", "warmup": {"pool": 40, "trials": 6}, "random": 1.0}
        result = search(tmp_path / "a.db", wanted, 20, strategy="climb", window=1)
        assert all(trial.parents for trial in result.trials[6:])

    def test_a_space_smaller_than_the_pool(self, tmp_path: Path) -> None:
        tiny = {"name": "toy", "length": 1, "base": 4}
        wanted = {"proxy": "by_weight", "warmup": {"pool": 40, "trials": 6}}
        result = search(tmp_path / "a.db", wanted, 10, space=tiny)
        assert len(result.trials) == 4

    def test_how_far_it_is_is_told_and_ctrl_c_ends_it(self, tmp_path: Path) -> None:
        plugin, archive = tmp_path / "slow.py", tmp_path / "a.db"
        plugin.write_text(SLOW.read_text())
        wanted = {"proxy": "slow", "warmup": {"pool": 100, "trials": 3}, "candidates": 2}
        search = drive(config(filter=wanted, stop={"trials": 5}), archive, TOY, plugin)

        def doing() -> str:
            try:
                return str(session(archive).state.get("doing", ""))
            except nas.ArchiveError:
                return ""

        wait_for(lambda: "of 100" in doing(), search)
        search.send_signal(signal.SIGINT)
        assert ended(search, 5) == "interrupted"
        plugin.write_text(SLOW.read_text().replace("0.1", "0.0"))
        result = nas.search(
            config(filter=wanted, stop={"trials": 5}), archive, plugins=[TOY, plugin]
        )
        assert result.reason == "5 trials are done"

    @pytest.mark.parametrize("built_in", ["random", "regularized_evolution", "nsga2", "nevergrad"])
    def test_every_strategy_takes_what_it_did_not_propose(
        self, tmp_path: Path, built_in: str
    ) -> None:
        wanted = {"proxy": "by_weight", "warmup": {"pool": 20, "trials": 5}}
        result = search(tmp_path / "a.db", wanted, 40, strategy=built_in)
        assert len({trial.architecture for trial in result.trials}) == 40


class TestFeatures:
    """What a proxy knows helps a predictor that cannot see it in the encoding."""

    WANTED: ClassVar = {
        "predictor": "gbdt",
        "features": ["by_weight"],
        "candidates": 5,
        "random": 0.0,
    }
    OBJECTIVE: ClassVar = {"name": "reported", "metric": "by_weight", "direction": "maximize"}

    def search(self, path: Path, filtered: dict[str, Any], trials: int = 30) -> nas.Result:
        values = config(
            evaluator={"name": "zero_cost", "proxies": ["by_weight"]},
            objectives=[self.OBJECTIVE],
            filter=filtered,
            stop={"trials": trials},
            strategy="random",
        )
        return nas.search(values, path, plugins=FILES)

    def test_they_help_and_are_archived(self, tmp_path: Path) -> None:
        seen = self.search(tmp_path / "a.db", self.WANTED)
        blind = self.search(
            tmp_path / "b.db", {k: v for k, v in self.WANTED.items() if k != "features"}
        )
        mean = [
            sum(t.metrics["by_weight"] for t in result.trials[15:]) / 15 for result in (seen, blind)
        ]
        assert mean[0] > mean[1]
        scores = scores_of(tmp_path / "a.db")
        assert {s.scorer for s in scores[29]} == {"predictor:gbdt", "proxy:by_weight"}
        assert len(scores[29]) == 10

    def test_a_resumed_search_is_the_same(self, tmp_path: Path) -> None:
        whole = self.search(tmp_path / "a.db", self.WANTED)
        for trials in (3, 17, 30):
            parts = self.search(tmp_path / "b.db", self.WANTED, trials)
        assert told(parts.trials) == told(whole.trials)

    def test_scores_that_are_missing_or_huge_are_features_too(self) -> None:
        predictor = nas.predictor("gbdt", members=3)
        space = nas.space("mlp", input_shape=(4,), classes=2)
        drawn = list(islice(space.architectures(), 40))
        values = [float(i) for i in range(40)]
        predictor.extra = lambda found: np.array(
            [[math.nan if drawn.index(a) < 20 else 10.0 ** drawn.index(a)] for a in found]
        )
        predictor.fit(space, drawn, values)
        means = predictor.predict(drawn).mean
        assert np.isfinite(means).all()
        assert spearman(means, values) > 0.9

    def test_a_predictor_that_takes_none_says_so(self, tmp_path: Path) -> None:
        plugin = tmp_path / "mean.py"
        plugin.write_text(MEAN)
        wanted = config(filter={"predictor": "mean", "features": ["by_weight"]})
        with pytest.raises(nas.ConfigError, match="Mean takes no features"):
            nas.search(wanted, tmp_path / "a.db", plugins=[*FILES, plugin])


MEAN = """
import numpy as np
import nas

class Mean(nas.Predictor):
    def fit(self, space, architectures, values):
        self.mean = np.mean(values)
    def predict(self, architectures):
        n = len(architectures)
        return nas.Prediction(np.full(n, self.mean), np.zeros(n))

@nas.hookimpl
def nas_predictors():
    return [nas.Component("mean", Mean, "always the mean")]
"""


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"proxies": ["by_weight"]}, "at least 2 items"),
        ({"proxy": "by_weight", "warmup": {"pool": 3, "trials": 4}}, "more than the pool"),
        ({"proxy": "by_weight", "warmup": {"pool": 3, "trial": 4}}, "'trials'"),
        ({"proxy": "by_weight", "random": 1.5}, "less than or equal to 1"),
        ({"predictor": "gbdt", "repeats": 2}, "repeats are of a proxy"),
        ({"proxy": "by_weight", "features": ["picky"]}, "features are what a predictor sees"),
        ({"predictor": "gbdt", "warmup": {"pool": 3, "trials": 2}}, "warmup is by proxy"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    tmp_path: Path, wrong: dict[str, Any], message: str
) -> None:
    with pytest.raises(nas.ConfigError, match=message):
        search(tmp_path / "a.db", wrong)


class TestComparison:
    @pytest.fixture
    def compared(self, tmp_path: Path) -> Any:
        def compare(filtered: dict[str, Any], **changes: Any) -> Any:
            result = search(tmp_path / "a.db", filtered, 40, **changes)
            with nas.Archive(result.archive) as archive:
                plugins = Plugins([PluginFile.read(path) for path in FILES])
                return comparison(archive, result.study, plugins)

        return compare

    def test_scores_stand_beside_params_and_flops(self, compared: Any) -> None:
        (found,) = compared({"proxies": ["by_weight", "picky"]}).objectives.values()
        names = {ranking.name for ranking in found}
        assert names == {
            *("proxy:by_weight", "proxy:picky", "proxy:log_rank(by_weight, picky)"),
            *("params", "flops"),
        }
        by_name = {ranking.name: ranking for ranking in found}
        assert by_name["proxy:by_weight"].n == 40
        assert by_name["proxy:picky"].n < 40
        assert by_name["params"].spearman is None  # all networks of this space are of one size

    def test_a_proxy_that_knows_the_objective_ranks_perfectly(self, tmp_path: Path) -> None:
        values = config(
            evaluator={"name": "zero_cost", "proxies": ["by_weight"]},
            objectives=[{"name": "reported", "metric": "by_weight", "direction": "maximize"}],
            filter={"proxies": ["by_weight", "against"], "candidates": 2},
            stop={"trials": 30},
        )
        result = nas.search(values, tmp_path / "a.db", plugins=FILES)
        with nas.Archive(result.archive) as archive:
            plugins = Plugins([PluginFile.read(path) for path in FILES])
            rows = comparison(archive, result.study, plugins).objectives
        by_name = {ranking.name: ranking for ranking in rows["by_weight"]}
        assert by_name["proxy:by_weight"].spearman == pytest.approx(1.0)
        assert by_name["proxy:against"].spearman == pytest.approx(-1.0)

    def test_of_many_trials_a_sample_is_looked_at(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas.engine.comparison.MOST", 10)
        filtered = {"proxies": ["by_weight", "picky"], "random": 0.5}
        result = search(tmp_path / "a.db", filtered, 40)
        plugins = Plugins([PluginFile.read(path) for path in FILES])
        with nas.Archive(result.archive) as archive:
            sample, again = (comparison(archive, result.study, plugins) for _ in range(2))
            whole = comparison(archive, result.study, plugins, everything=True)
        assert sample == again
        assert (sample.compared, sample.trials) == (10, 40)
        assert (whole.compared, whole.trials) == (40, 40)
        for compared, n in ((sample, 10), (whole, 40)):
            by_name = {ranking.name: ranking for ranking in compared.objectives["total"]}
            assert [by_name[name].n for name in ("proxy:by_weight", "params", "flops")] == [n] * 3

    def test_what_the_archive_has_counted_needs_no_sample(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas.engine.comparison.MOST", 10)
        objectives = ["total", "params", "flops"]
        result = search(tmp_path / "a.db", {"proxy": "by_weight"}, 20, objectives=objectives)
        plugins = Plugins([PluginFile.read(path) for path in FILES])
        with nas.Archive(result.archive) as archive:
            compared = comparison(archive, result.study, plugins)
        assert (compared.compared, set(compared.objectives)) == (20, {"total"})

    def test_trials_without_any_score_are_in_no_sample(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas.engine.comparison.MOST", 10)
        result = search(tmp_path / "a.db", {"proxy": "picky"}, 40)
        plugins = Plugins([PluginFile.read(path) for path in FILES])
        with nas.Archive(result.archive) as archive:
            scored = len(archive.own_scores(result.study)["proxy:picky"])
            (rows,) = comparison(archive, result.study, plugins).objectives.values()
        assert scored < 40
        assert {ranking.n for ranking in rows} == {min(10, scored)}

    def test_without_scores_there_is_nothing_to_compare(self, tmp_path: Path) -> None:
        result = nas.search(config(), tmp_path / "a.db", plugins=FILES)
        with nas.Archive(result.archive) as archive:
            assert comparison(archive, result.study, Plugins()).objectives == {}
