"""Predictions from an archive: nothing leaks, and what is said of their quality is so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from toys import TOY, config, run

import nas
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.engine.prediction import Forecast, forecast
from nas.goals import losses
from nas.plugins import PluginFile, Plugins
from nas.study import Study

CELL = "|{}~0|+|none~0|{}~1|+|skip_connect~0|none~1|nor_conv_1x1~2|"
OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
GOALS = (nas.Goal("accuracy", "maximize", "%"), nas.Goal("params"))


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of 25 cells, of which some are the same network."""
    path = tmp_path_factory.mktemp("cells") / "cells.db"
    space = nas.space("nas201", cells=1, channels=4)
    component = ComponentRecord("space", "cells:nas201", {"cells": 1, "channels": 4}, "", "")
    settings = {"study": "cells", "space": "nas201", "objectives": ["params"]}
    settings |= {"evaluator": "none", "strategy": "random", "stop": {"trials": 25}}
    records = []
    for a in OPERATIONS:
        for b in OPERATIONS:
            architecture = space.parse(CELL.format(a, b))
            good = OPERATIONS.index(a) + OPERATIONS.index(b)
            metrics = {"accuracy": 50.0 + good, "params": 1e3 * good, "loss": 9.0 - good}
            if records:  # the first must be counted
                metrics["flops"] = 1e6 * good + OPERATIONS.index(a)
            trial = nas.Trial(
                len(records), architecture, nas.Status.COMPLETE, losses(GOALS, metrics), 0, metrics
            )
            text = space.format(architecture)
            records.append(Record(trial, space.canonical_id(architecture), text))
    with Writer.open(path) as writer:
        study = writer.study(Study("cells", "", GOALS, settings, 0, 1), [component])
        writer.record(study, records)
        writer.close_session(study, "finished", "done")
    return path


class Noting(nas.Predictor):
    """Predicts the mean, and notes what it was given."""

    def __init__(self, log: list[tuple[set[str], list[str]]]) -> None:
        self._log = log

    def fit(self, space: Any, architectures: Sequence[Any], values: Sequence[float]) -> None:
        self._space, self._mean = space, float(np.mean(values))
        self._known = {space.canonical_id(a) for a in architectures}

    def predict(self, architectures: Sequence[Any]) -> nas.Prediction:
        self._log.append((self._known, [self._space.canonical_id(a) for a in architectures]))
        n = len(architectures)
        return nas.Prediction(np.full(n, self._mean), np.full(n, 2.0))


class TestValidation:
    @pytest.mark.parametrize("folds", [2, 5, 99])
    def test_no_network_is_predicted_that_was_learnt(self, cells: Path, folds: int) -> None:
        samples = forecast(cells).samples
        assert max(Counter(samples.networks).values()) > 1  # else the test would show nothing
        log: list[tuple[set[str], list[str]]] = []
        found = Forecast(samples, "noting", lambda: Noting(log), Plugins()).validate(folds)
        assert found.folds == len(log) == min(folds, len(set(samples.networks)))
        assert all(known.isdisjoint(asked) for known, asked in log)
        assert sorted(n for _, asked in log for n in asked) == sorted(samples.networks)
        assert found.rmse == pytest.approx(found.baseline)

    def test_the_figures_are_those_of_the_predictions(self, cells: Path) -> None:
        made = forecast(cells, predictor="ridge")
        found, truth = made.validate(), made.samples.values
        mean, std = found.prediction
        assert found.mae == pytest.approx(
            np.mean([abs(m - t) for m, t in zip(mean, truth, strict=True)])
        )
        assert found.rmse == pytest.approx(np.mean((mean - truth) ** 2) ** 0.5)
        inside = [abs(m - t) <= 1.96 * s for m, t, s in zip(mean, truth, std, strict=True)]
        assert found.coverage == pytest.approx(np.mean(inside))
        assert found.mae < found.rmse < found.baseline

    def test_what_stands_beside_it(self, cells: Path) -> None:
        found = {r.name: r for r in forecast(cells, predictor="ridge").validate().rankings}
        assert found.keys() == {"predictor:ridge", "params", "flops"}
        assert found["params"].spearman == pytest.approx(1)
        assert found["params"].n == found["flops"].n == 25
        by_loss = (
            forecast(cells, metric="loss", direction="minimize", predictor="ridge")
            .validate()
            .rankings
        )
        assert {r.name: r.spearman for r in by_loss}["params"] == pytest.approx(1)
        turned = (
            forecast(cells, metric="loss", direction="maximize", predictor="ridge")
            .validate()
            .rankings
        )
        assert {r.name: r.spearman for r in turned}["params"] == pytest.approx(1)
        own = forecast(cells, metric="params", predictor="ridge").validate().rankings
        assert {r.name for r in own} == {"predictor:ridge", "flops"}

    def test_it_is_the_same_each_time_and_another_with_another_seed(self, cells: Path) -> None:
        made = forecast(cells, predictor="ridge")
        assert made.validate(seed=1).rankings == made.validate(seed=1).rankings
        assert made.validate(seed=1).mae != made.validate(seed=2).mae

    def test_one_fold_is_none(self, cells: Path) -> None:
        with pytest.raises(nas.ConfigError, match="at least 2 folds, not 1"):
            forecast(cells).validate(1)


class TestForecast:
    def test_it_predicts_as_the_predictor_does(self, cells: Path) -> None:
        made = forecast(cells, predictor="ridge", parameters={"target": "raw"})
        space = nas.space("nas201")
        unseen = [
            space.parse(CELL.format(a, "none").replace("+|none", "+|skip_connect"))
            for a in OPERATIONS
        ]
        predictor = nas.predictor("ridge", target="raw")
        predictor.fit(made.samples.space, made.samples.architectures, made.samples.values)
        assert made.samples.goal == GOALS[0]
        assert (made.predict(unseen).mean == predictor.predict(unseen).mean).all()
        assert (made.predict(unseen).std == predictor.predict(unseen).std).all()

    @pytest.mark.parametrize(
        ("asked", "error", "complaint"),
        [
            ({"metric": "acuracy"}, nas.ArchiveError, "Did you mean 'accuracy'"),
            ({"metric": "loss"}, nas.ConfigError, "say with --direction"),
            (
                {"metric": "accuracy", "direction": "minimize"},
                nas.ConfigError,
                "has 'accuracy' to maximize",
            ),
            ({"predictor": "rigde"}, nas.ComponentError, "Did you mean 'ridge'"),
            ({"parameters": {"tree": 3}}, nas.ComponentError, "Did you mean 'trees'"),
            ({"study": "absent"}, nas.ArchiveError, "no study 'absent'"),
        ],
    )
    def test_mistakes(
        self, cells: Path, asked: dict[str, Any], error: type[Exception], complaint: str
    ) -> None:
        with pytest.raises(error, match=complaint):
            forecast(cells, **asked)

    def test_values_that_cannot_be_learnt(self, cells: Path) -> None:
        made = forecast(cells, metric="params", parameters={"target": "log"})
        with pytest.raises(nas.ConfigError, match=r"'gbdt' cannot learn 'params': .* is 0; take"):
            made.validate()

    def test_too_few_trials(self, tmp_path: Path) -> None:
        plugins = Plugins([PluginFile.read(TOY)])
        run(config(stop={"trials": 4}), tmp_path / "few.db")
        with pytest.raises(nas.ArchiveError, match="of 4 different networks; at least 5 are"):
            forecast(tmp_path / "few.db", plugins=plugins)

    def test_a_space_that_is_not_installed(self, tmp_path: Path) -> None:
        run(config(), tmp_path / "toy.db")
        with pytest.raises(nas.ComponentError, match=r"study 'toy' cannot be built .*--plugin"):
            forecast(tmp_path / "toy.db")

    def test_failed_trials_are_left_out(self, tmp_path: Path) -> None:
        evaluator = {"name": "tally", "on": 1, "mode": "nan"}
        values = config(strategy="random", stop={"trials": 60}, evaluator=evaluator)
        run(values, tmp_path / "toy.db")
        made = forecast(tmp_path / "toy.db", plugins=Plugins([PluginFile.read(TOY)]))
        with nas.Archive(tmp_path / "toy.db") as archive:
            counts = archive.counts()
        assert len(made.samples.trials) == counts[nas.Status.COMPLETE] < 60
        assert {a["d0"] for a in made.samples.architectures} == {0, 2, 3, 4}
