"""Hyper-parameters of the evaluator beside the decisions of the network."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas.hyper.ranges import Range, assigned, decisions, flattened, read_ranges
from nas.hyper.space import WithHyper
from nas.parametrization import Parametrization
from nas.plugins import PluginFile, Plugins
from nas.zero_cost import ZeroCost
from nas_predictors.encodings import ENCODINGS, Encoder

relaxed = settings(deadline=None, max_examples=30)  # the machine may be busy

TUNED = Path(__file__).parent / "files" / "tuned.py"
PLUGINS = Plugins([PluginFile.read(TUNED)])
HYPER: Mapping[str, Any] = {
    "rate": {"low": 1e-4, "high": 1.0, "log": True, "points": 9},
    "mode": {"choices": ["blunt", "sharp"]},
    "slope": {"low": 0, "high": 5, "when": {"mode": ["sharp"]}},
}


def trio(hyper: Mapping[str, Any] = HYPER, **parameters: Any) -> WithHyper:
    built = PLUGINS.build("space", "trio", **parameters, hyper=hyper)
    assert isinstance(built, WithHyper)
    return built


def config(**changes: Any) -> dict[str, Any]:
    return {
        "study": "tuned",
        "objectives": ["tuned_loss"],
        "space": "trio",
        "evaluator": "tuned",
        "hyper": HYPER,
        "strategy": "random",
        "stop": {"trials": 8},
        "run": {"executor": "inline"},
        **changes,
    }


def run(path: Path, **changes: Any) -> nas.Result:
    return nas.search(config(**changes), path, plugins=[TUNED])


def told(trials: list[nas.Trial]) -> list[Any]:
    return [(t.number, t.architecture, t.status, t.losses, dict(t.metrics)) for t in trials]


def set_by(architecture: nas.Architecture) -> dict[str, Any]:
    """What an architecture says of the evaluator, as ``tuned`` reports it."""
    return {
        "rate": architecture["hyper.rate"],
        "slope": architecture.get("hyper.slope", -1),
    }


@st.composite
def products(draw: st.DrawFn) -> WithHyper:
    """Any ranges over a space whose texts are as awkward as they can be."""
    names = ["a", "evaluator.b", "c"]
    hyper: dict[str, Any] = {}
    for i, name in enumerate(names[: draw(st.integers(1, 3))]):
        value: dict[str, Any] = draw(
            st.sampled_from(
                [
                    {"choices": [" {", '{"a":1}', "}", 'x" {"hyper.a":2}']},
                    {"choices": [True, False]},
                    {"low": 0.1, "high": 0.9, "points": 4},
                    {"low": 1, "high": 3},
                ]
            )
        )
        if i and draw(st.booleans()):
            parent = draw(st.sampled_from(names[:i]))
            known = decisions({parent: Range.model_validate(hyper[parent] | {"when": {}})})[0]
            value = {**value, "when": {parent: [draw(st.sampled_from(known.values))]}}
        hyper[name] = value
    return trio(dict(draw(st.permutations(list(hyper.items())))), wide=draw(st.booleans()))


seeds = st.integers(0, 2**32 - 1).map(random.Random)


class TestLaws:
    @relaxed
    @given(products(), seeds)
    def test_what_is_drawn_changed_or_crossed_is_a_member(
        self, space: WithHyper, rng: random.Random
    ) -> None:
        a, b = space.sample(rng), space.sample(rng)
        found = [a, b, space.mutate(a, rng), space.crossover(a, b, rng), *space.neighbours(a)]
        assert all(one in space for one in found)
        assert all(space.network_of(one) in space.networks for one in found)

    @relaxed
    @given(products(), seeds)
    def test_round_trips(self, space: WithHyper, rng: random.Random) -> None:
        a = space.sample(rng)
        assert space.decode(space.encode(a)) == a
        assert space.parse(space.format(a)) == a
        assert space.architecture(nas.Architecture.from_json(a.to_json())) == a
        free = Parametrization(space)
        assert free.decode(free.encode(a)) == a

    @relaxed
    @given(products(), seeds)
    def test_the_same_network_trained_in_the_same_way(
        self, space: WithHyper, rng: random.Random
    ) -> None:
        drawn = [space.sample(rng) for _ in range(12)]
        drawn += [space.crossover(a, b, rng) for a, b in pairwise(drawn)]
        for a in drawn:
            for b in drawn:
                forms = [space.networks.canonical_form(space.network_of(x)) for x in (a, b)]
                alike = forms[0] == forms[1] and space.settings(a) == space.settings(b)
                assert (space.canonical_id(a) == space.canonical_id(b)) == alike

    @relaxed
    @given(products(), seeds)
    def test_network_and_settings_make_up_the_whole(
        self, space: WithHyper, rng: random.Random
    ) -> None:
        a = space.sample(rng)
        own = {f"hyper.{name}": value for name, value in space.settings(a).items()}
        assert {**space.network_of(a), **own} == dict(a)
        assert not own.keys() & space.network_of(a).keys()

    @relaxed
    @given(products())
    def test_the_size_is_that_of_the_product(self, space: WithHyper) -> None:
        settings = {space.settings(a) for a in space.architectures()}
        assert space.size == space.networks.size * len(settings)

    @relaxed
    @given(products())
    def test_what_an_archive_holds_is_the_same_space(self, space: WithHyper) -> None:
        ranges = {d.name.removeprefix("hyper."): d for d in space.decisions[3:]}
        plain = {
            name: {"choices": d.choices}
            if isinstance(d, nas.Categorical)
            else {"low": d.low, "high": d.high, "points": d.points}  # type: ignore[union-attr]
            for name, d in ranges.items()
        }
        for name, d in ranges.items():
            plain[name]["when"] = {p.removeprefix("hyper."): [*v] for p, v in d.when.items()}
        text = json.dumps(plain, sort_keys=True)
        again = trio(json.loads(text), wide=len(space.decisions[0].values) == 4)
        assert [d.name for d in again.decisions] == [d.name for d in space.decisions]
        assert [d.values for d in again.decisions] == [d.values for d in space.decisions]
        assert {a.to_json() for a in again.architectures()} == {
            a.to_json() for a in space.architectures()
        }


class TestSpace:
    def test_the_decisions(self) -> None:
        own = trio().decisions[3:]
        assert [d.name for d in own] == ["hyper.mode", "hyper.rate", "hyper.slope"]
        assert len(own[1].values) == 9
        assert own[1].values[::2] == (0.0001, 0.001, 0.01, 0.1, 1.0)
        assert own[2].values == (0, 1, 2, 3, 4, 5)
        assert own[2].when == {"hyper.mode": ("sharp",)}

    def test_networks_and_graphs_know_nothing_of_them(self) -> None:
        space = trio()
        a = space.sample(random.Random(0))
        assert space.build(a).weight.shape == (4, 4)  # type: ignore[union-attr]
        inner = space.networks.graph(space.network_of(a))
        assert dict(space.graph(a).nodes(data=True)) == dict(inner.nodes(data=True))
        assert (space.input_shape, space.classes) == ((4,), 2)

    @pytest.mark.parametrize("text", ["", "trio {} {", '{"rate":1}', 'trio {} {} { {"rate":7}'])
    def test_texts_that_are_no_member_are_refused(self, text: str) -> None:
        with pytest.raises(nas.SpaceError):
            trio().parse(text)

    def test_an_example_is_given(self) -> None:
        with pytest.raises(nas.SpaceError, match="expected a text such as 'trio"):
            trio().parse("abc")

    def test_spaces_without_are_their_own_networks(self) -> None:
        space = nas.space("nas201")
        a = space.sample(random.Random(0))
        assert space.networks is space
        assert space.network_of(a) is a


class TestRanges:
    def test_nested_tables_are_joined(self) -> None:
        ranged = {"low": 1, "high": 2}
        nested = {"a": {"b": {"c": ranged}, "d": ranged}, "e": ranged}
        assert flattened(nested) == {"a.b.c": ranged, "a.d": ranged, "e": ranged}
        assert list(read_ranges({"a": {"b": {"choices": [1, 2]}}})) == ["a.b"]

    def test_values_reach_their_tables(self) -> None:
        parameters = {"evaluator": "train", "x": 1, "deep": {"in": {"side": 1, "out": 2}}}
        values = {"evaluator.lr": 0.1, "evaluator.crop": 2, "deep.in.side": 5, "y": True}
        assert assigned(parameters, values) == {
            "evaluator": {"name": "train", "lr": 0.1, "crop": 2},
            "x": 1,
            "deep": {"in": {"side": 5, "out": 2}},
            "y": True,
        }
        assert parameters == {"evaluator": "train", "x": 1, "deep": {"in": {"side": 1, "out": 2}}}

    @pytest.mark.parametrize(
        ("hyper", "message"),
        [
            ({"rate": {"low": 1, "high": 1}}, r"hyper.rate: low \(1\) must be below high \(1\)"),
            ({"rate": {"low": 1}}, "hyper.rate: a range has low and high, such as"),
            ({"rate": {"low": 0, "high": 1, "log": True}}, "must be above 0 on a logarithmic"),
            ({"rate": {"lo": 1, "high": 2}}, "'hyper.rate.lo'. Did you mean 'low'?"),
            ({"rate": {"low": 1, "high": 2, "points": 1}}, "hyper.rate.points: .*not 1"),
            ({"rate": {"choices": [1]}}, "choices must be two or more, all different"),
            ({"rate": {"choices": [1, 1]}}, "all different"),
            ({"rate": {"choices": [1, 2], "log": True}}, "either choices, or low and high"),
            ({"rate": 0.1}, "hyper.rate: .*not 0.1"),
            ({"rate": {"choices": [1, 2], "when": {"mod": [1]}}}, "when: 'mod' is not searched"),
            ({"rate": {"choices": [1, [2]]}}, "hyper.rate.choices"),
            (
                {
                    "rate": {"choices": [1, 2], "when": {"mode": ["x"]}},
                    "mode": {"choices": ["x", "y"], "when": {"rate": [1]}},
                },
                "the conditions of mode, rate go in a circle",
            ),
            (
                {
                    "rate": {"choices": [1, 2], "when": {"mode": ["z"]}},
                    "mode": {"choices": ["blunt", "sharp"]},
                },
                "'hyper.mode' is never one of",
            ),
            ({"rat": {"low": 1, "high": 2}}, "no parameter 'rat'. Did you mean 'rate'?"),
            ({"rate": {"low": -1, "high": 2}}, "with rate = -1, .*rate must be a finite number"),
            ({"mode": {"choices": ["sharp", "blant"]}}, "Did you mean 'blunt'"),
            ({"slope": {"low": 1, "high": 2}}, "with slope = 1, .*slope belongs to sharp"),
            ({"steps": {"low": 1, "high": 2}}, "changes the budget of the evaluator from 2 to 1"),
            ({"cpus": {"choices": [1, 2]}}, "changes the cpus of the evaluator from 1 to 2"),
        ],
    )
    def test_what_does_not_fit_is_named_before_the_search(
        self, hyper: Any, message: str, tmp_path: Path
    ) -> None:
        with pytest.raises(nas.NASError, match=message):
            run(tmp_path / "a.db", hyper=hyper)
        assert not (tmp_path / "a.db").exists()

    def test_combinations_are_tried_too(self, tmp_path: Path) -> None:
        hyper = {"mode": HYPER["mode"], "rate": HYPER["rate"]}
        evaluator = {"name": "tuned", "slope": 3, "mode": "sharp"}
        with pytest.raises(nas.ConfigError, match=r"with mode = 'blunt', .*slope belongs to sharp"):
            run(tmp_path / "a.db", hyper=hyper, evaluator=evaluator)

    def test_they_stand_beside_the_space(self, tmp_path: Path) -> None:
        with pytest.raises(nas.ConfigError, match="hyper is a table beside space"):
            run(tmp_path / "a.db", space={"name": "trio", "hyper": HYPER})

    def test_a_config_survives_its_archive(self) -> None:
        parsed = nas.Config.parse(config())
        assert nas.Config.parse(parsed.to_dict()) == parsed
        assert nas.Config.parse({k: v for k, v in config().items() if k != "hyper"}).hyper == {}


STRATEGIES: Mapping[str, Any] = {
    "random": {},
    "bo": {"initial": 8},
    "tpe": {},
    "regularized_evolution": {"population": 8, "sample": 3},
    "nsga2": {},
    "local_search": {},
    "bananas": {"initial": 8},
    "reinforce": {},
    "nevergrad": {},
    "bowl": {"initial": 8},
}


class TestSearches:
    @pytest.mark.parametrize("name", STRATEGIES)
    def test_every_strategy_works_on_the_product(self, name: str, tmp_path: Path) -> None:
        strategy = {"name": name, **STRATEGIES[name]}
        result = run(tmp_path / "a.db", strategy=strategy, stop={"trials": 16})
        assert len(result.trials) == 16
        ids = {trio().canonical_id(t.architecture) for t in result.trials}
        assert len(ids) == 16
        for trial in result.trials:
            found = {k: trial.metrics[k] for k in ("rate", "slope")}
            assert found == set_by(trial.architecture)

    @pytest.mark.parametrize("name", ["bo", "tpe", "regularized_evolution"])
    def test_what_learns_beats_random(self, name: str, tmp_path: Path) -> None:
        def best(strategy: Any, seed: int) -> float:
            path = tmp_path / f"{seed}-{'-'.join(strategy.values())}.db"
            options = {"stop": {"trials": 25}, "seed": seed, "window": 1}
            found = run(path, strategy=strategy, **options)
            return min(trial.losses[0] for trial in found.trials)

        wins = [best({"name": name}, s) <= best({"name": "random"}, s) for s in range(2)]
        assert all(wins)

    def test_the_archive_holds_what_was_used(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        result = run(path)
        with nas.Archive(path) as archive:
            sql = """SELECT metrics.value, json_extract(decisions, '$."hyper.rate"'),
                json_extract(decisions, '$."hyper.mode"'),
                json_extract(decisions, '$."hyper.slope"'), text FROM trials
                JOIN architectures ON architectures.id = architecture
                JOIN metrics ON metrics.trial = trials.id AND metrics.name = 'rate'
                ORDER BY number"""
            _, rows = archive.query(sql)
            for trial, (used, rate, mode, slope, text) in zip(result.trials, rows, strict=True):
                assert used == rate == trial.architecture["hyper.rate"]
                assert mode == trial.architecture["hyper.mode"]
                assert slope == trial.architecture.get("hyper.slope")
                assert archive.space(plugins=PLUGINS).parse(text) == trial.architecture
            assert archive.space(plugins=PLUGINS).size == trio().size
            best = archive.load_model(result.front[0].id, plugins=PLUGINS)
        assert best.weight.shape == (4, 4)

    def test_the_inner_space_is_what_evaluators_and_objectives_see(self, tmp_path: Path) -> None:
        result = run(tmp_path / "a.db", objectives=["tuned_loss", "letters"])
        assert {t.metrics["size"] for t in result.trials} == {trio().networks.size}
        for trial in result.trials:
            own = trio().network_of(trial.architecture)
            assert trial.metrics["letters"] == len(own)

    def test_interrupted_or_not_it_is_the_same(self, tmp_path: Path) -> None:
        whole = run(tmp_path / "whole.db", strategy="bo", stop={"trials": 14})
        run(tmp_path / "parts.db", strategy="bo", stop={"trials": 9})
        parts = nas.resume(tmp_path / "parts.db", overrides=["stop.trials=14"], plugins=[TUNED])
        assert told(parts.trials) == told(whole.trials)

    def test_other_ranges_are_another_study(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        run(path)
        other = {**HYPER, "rate": {**HYPER["rate"], "high": 2.0}}
        with pytest.raises(nas.StudyError, match=r"hyper.rate.high: 1.0 -> 2.0"):
            run(path, hyper=other)
        run(path, hyper=other, study="other")
        run(path, hyper={}, study="none")
        with nas.Archive(path) as archive:
            _, rows = archive.query("SELECT count(*), count(DISTINCT space) FROM studies")
            assert list(rows) == [(3, 3)]

    def test_what_is_known_of_the_same_product_is_used(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        first = run(path)
        run(path, study="again", warm_start={}, strategy="bo")
        again = run(path, study="reused", reuse=True)
        assert told(again.trials) == told(first.trials)
        with pytest.raises(nas.StudyError, match="another space"):
            run(path, study="without", hyper={}, warm_start={"studies": ["tuned"]})

    def test_the_config_is_the_default_where_nothing_is_searched(self, tmp_path: Path) -> None:
        result = run(
            tmp_path / "a.db",
            evaluator={"name": "tuned", "rate": 0.5, "share": 0.25},
            hyper={"mode": HYPER["mode"]},
        )
        assert {(t.metrics["rate"], t.metrics["share"]) for t in result.trials} == {(0.5, 0.25)}

    def test_candidates_fail_alone(self, tmp_path: Path) -> None:
        evaluator = {"name": "tuned", "breaks": True}
        result = run(tmp_path / "a.db", evaluator=evaluator, stop={"trials": 20})
        for trial in result.trials:
            failed = trial.status is nas.Status.FAILED
            assert failed == (trial.architecture["first"] == "c")

    @pytest.mark.slow_fault
    def test_on_ray(self, tmp_path: Path) -> None:
        inline = run(tmp_path / "inline.db", strategy="regularized_evolution")
        away = run(
            tmp_path / "ray.db",
            strategy="regularized_evolution",
            run={"executor": "ray", "workers": 2},
        )
        assert told(away.trials) == told(inline.trials)
        assert all(t.metrics["rate"] == t.architecture["hyper.rate"] for t in away.trials)


class TestProxies:
    def test_a_network_has_one_score(self) -> None:
        space = trio()
        score = ZeroCost(space, {"weight": PLUGINS.build("proxy", "weight")}, None, seed=3).score
        alone = ZeroCost(
            space.networks, {"weight": PLUGINS.build("proxy", "weight")}, None, seed=3
        ).score
        members = list(space.architectures())[::17]
        assert [score(a) for a in members] == [alone(space.network_of(a)) for a in members]
        assert len({score(a)["weight"] for a in members}) > 1

    def test_filters_work(self, tmp_path: Path) -> None:
        found = {"proxy": "weight", "candidates": 4, "random": 0.0}
        result = run(tmp_path / "a.db", filter=found)
        assert len(result.trials) == 8

    def test_predictors_work(self, tmp_path: Path) -> None:
        wanted = {"predictor": "gbdt", "candidates": 4, "features": ["weight"]}
        result = run(tmp_path / "a.db", filter=wanted, stop={"trials": 14})
        assert len(result.trials) == 14


def distance(encoder: Encoder, a: nas.Architecture, b: nas.Architecture) -> float:
    rows = encoder.rows([a, b]).astype(float)
    return float(np.linalg.norm(rows[0] - rows[1]))


@pytest.mark.parametrize("name", ENCODINGS)
class TestEncodings:
    def test_nearer_rates_are_nearer(self, name: str) -> None:
        space = trio({"rate": HYPER["rate"]})
        base = {"first": "a", "second": "c"}
        line = [
            space.architecture({**base, "hyper.rate": v}) for v in space.tree.decisions[3].values
        ]
        encoder = Encoder(name)
        encoder.fit(space, list(space.architectures()))
        from_first = [distance(encoder, line[0], other) for other in line]
        assert from_first == sorted(from_first)
        assert len(set(np.round(from_first, 5))) == len(line)

    def test_categories_are_equally_far(self, name: str) -> None:
        space = trio({"mode": {"choices": ["x", "y", "z"]}})
        encoder = Encoder(name)
        encoder.fit(space, list(space.architectures()))
        three = [
            space.architecture({"first": "a", "second": "c", "hyper.mode": mode}) for mode in "xyz"
        ]
        found = {round(distance(encoder, a, b), 5) for a in three for b in three if a != b}
        assert len(found) == 1
        assert found != {0.0}

    def test_groups_are_all_columns(self, name: str) -> None:
        space = trio()
        encoder = Encoder(name)
        rows = encoder.fit(space, [space.sample(random.Random(i)) for i in range(30)])
        assert sum(encoder.groups(rows.shape[1])) == rows.shape[1]


class TestDigits:
    def test_a_real_training_uses_what_the_archive_holds(self, tmp_path: Path) -> None:
        path = tmp_path / "digits.db"
        result = nas.search(
            {
                "study": "digits",
                "objectives": ["error", "params"],
                "space": {"name": "nas201", "cells": 1, "channels": 2},
                "data": "digits",
                "evaluator": {"name": "train", "epochs": 1, "batch_size": 256},
                "hyper": {
                    "lr": {"low": 1e-4, "high": 1e-1, "log": True},
                    "optimizer": {"choices": ["adamw", "sgd"]},
                    "crop": {"choices": [0, 1]},
                    "momentum": {"low": 0.5, "high": 0.95, "when": {"optimizer": ["sgd"]}},
                },
                "strategy": "random",
                "stop": {"trials": 3},
                "run": {"executor": "inline"},
            },
            path,
        )
        data = nas.dataset("digits").for_search(0)
        with nas.Archive(path) as archive:
            space = archive.space()
        assert isinstance(space, WithHyper)
        assert any("hyper.momentum" in t.architecture for t in result.trials)
        for trial in result.trials:
            recipe = nas.evaluator(
                "train", epochs=1, batch_size=256, **space.settings(trial.architecture)
            )
            member = space.network_of(trial.architecture)
            task = nas.Task(space.networks, member, data, 1, trial.seed)
            again = recipe.evaluate(task, lambda step, metrics, snapshot=None: None)
            assert again.metrics["error"] == trial.metrics["error"]
            assert again.metrics["loss"] == trial.metrics["loss"]
