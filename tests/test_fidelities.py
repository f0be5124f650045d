"""Budgets that are no epochs: shares of the data, resolutions, smaller networks, in stages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import nas
from nas.plugins import PluginFile, Plugins
from nas.seeds import rng
from nas_evaluators.reduction import reduced, resized

relaxed = settings(deadline=None, max_examples=40)  # the machine may be busy

FILES = Path(__file__).parent / "files"
TUNED, RACERS = FILES / "tuned.py", FILES / "racers.py"
PLUGINS = Plugins([PluginFile.read(TUNED)])
SHARES = [0.25, 0.5, 1.0]


def config(**changes: Any) -> dict[str, Any]:
    return {
        "study": "staged",
        "objectives": ["tuned_loss"],
        "space": "trio",
        "evaluator": {"name": "staged", "evaluator": "tuned", "fidelity": {"share": SHARES}},
        "strategy": "random",
        "stop": {"trials": 8},
        "run": {"executor": "inline"},
        **changes,
    }


def run(path: Path, **changes: Any) -> nas.Result:
    return nas.search(config(**changes), path, plugins=[TUNED, RACERS])


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with nas.Archive(path) as archive:
        return list(archive.query(sql)[1])


def silent(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
    pass


@cache
def digits() -> nas.SearchData:
    return nas.dataset("digits").for_search(0)


@cache
def cells(channels: int = 4) -> nas.Space:
    return nas.space("nas201", cells=1, channels=channels, input_shape=(1, 8, 8))


def task(space: nas.Space | None = None, **changes: Any) -> nas.Task:
    space = space or cells()
    return replace(nas.Task(space, space.sample(rng(3, "a")), digits(), None, seed=5), **changes)


class TestSearches:
    def test_each_stage_is_a_point_of_the_curve(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        result = run(path)
        with nas.Archive(path) as archive:
            for trial in result.trials:
                curve = archive.curve(trial.id)
                assert [point.step for point in curve] == [1, 2, 3]
                losses = [point.metrics["loss"] for point in curve]
                assert losses == pytest.approx([trial.losses[0] + 1 - share for share in SHARES])
                assert trial.metrics["share"] == 1.0
                assert trial.budget == 3

    def test_the_archive_says_what_steps_are(self, tmp_path: Path) -> None:
        path = tmp_path / "a.db"
        fidelity = {"share": SHARES, "space.width": [1, 2, 4]}
        run(path, evaluator={"name": "staged", "evaluator": "tuned", "fidelity": fidelity})
        run(path, study="plain", evaluator="tuned")
        assert rows(
            path, "SELECT study, step, name, value FROM fidelities ORDER BY name, step"
        ) == [
            (1, 1, "share", "0.25"),
            (1, 2, "share", "0.5"),
            (1, 3, "share", "1.0"),
            (1, 1, "space.width", "1"),
            (1, 2, "space.width", "2"),
            (1, 3, "space.width", "4"),
        ]
        with nas.Archive(path) as archive:
            stages = archive.state("staged").stages
            assert stages[1] == {"share": 0.5, "space.width": 2}
            assert archive.state("plain").stages == ()
            assert archive.space("staged", plugins=PLUGINS).width == 4  # type: ignore[attr-defined]
            network = archive.load_model(archive.front("staged")[0].id, plugins=PLUGINS)
        assert network.weight.shape == (4, 4)

    @pytest.mark.parametrize("scheduler", ["cut", "shelve"])
    def test_only_what_passed_all_stages_is_on_the_front(
        self, scheduler: str, tmp_path: Path
    ) -> None:
        log, path = tmp_path / "log", tmp_path / "a.db"
        evaluator = config()["evaluator"] | {"evaluator": {"name": "tuned", "log": str(log)}}
        stages = {"name": scheduler, "at": [1, 2]}
        result = run(path, evaluator=evaluator, scheduler=stages, stop={"trials": 16})
        by_status: dict[nas.Status, list[nas.Trial]] = {}
        for trial in result.trials:
            by_status.setdefault(trial.status, []).append(trial)
        assert len(by_status) > 1
        with nas.Archive(path) as archive:
            for trial in result.trials:
                steps = len(archive.curve(trial.id))
                assert (steps == 3) == (trial.status is nas.Status.COMPLETE)
        assert {t.status for t in result.front} == {nas.Status.COMPLETE}
        # a trial that was paused and goes on does not repeat the stages that it has passed
        evaluated = Counter(log.read_text().splitlines())
        assert set(evaluated.values()) == {1}
        started = {int(line.split()[0]) for line in evaluated}
        assert started >= {trial.seed for trial in result.trials}
        assert len(evaluated) < 3 * len(result.trials)

    def test_hyper_parameters_of_the_inner_evaluator(self, tmp_path: Path) -> None:
        hyper = {
            "evaluator.rate": {"low": 1e-4, "high": 1.0, "log": True},
            "evaluator": {"mode": {"choices": ["blunt", "sharp"]}},
        }
        result = run(tmp_path / "a.db", hyper=hyper, strategy="regularized_evolution")
        assert len({t.metrics["rate"] for t in result.trials}) > 1
        for trial in result.trials:
            assert trial.metrics["rate"] == trial.architecture["hyper.evaluator.rate"]

    def test_interrupted_or_not_it_is_the_same(self, tmp_path: Path) -> None:
        def told(result: nas.Result) -> list[Any]:
            return [(t.number, t.architecture, t.status, t.losses) for t in result.trials]

        options: dict[str, Any] = {"scheduler": {"name": "cut", "at": [1, 2]}}
        whole = run(tmp_path / "whole.db", **options)
        run(tmp_path / "parts.db", **options, stop={"trials": 5})
        parts = run(tmp_path / "parts.db", **options)
        assert told(parts) == told(whole)
        other = config()["evaluator"] | {"fidelity": {"share": [0.1, 1.0]}}
        with pytest.raises(nas.StudyError, match="fidelity"):
            run(tmp_path / "parts.db", **options, evaluator=other)

    @pytest.mark.slow_fault
    def test_on_ray(self, tmp_path: Path) -> None:
        fidelity = {"share": SHARES, "space.width": [1, 2, 4]}
        options: dict[str, Any] = {
            "evaluator": {"name": "staged", "evaluator": "tuned", "fidelity": fidelity},
            "scheduler": {"name": "shelve", "at": [1, 2]},
            "stop": {"trials": 12},
        }
        inline = run(tmp_path / "inline.db", **options)
        away = run(tmp_path / "ray.db", **options, run={"executor": "ray", "workers": 2})

        def told(result: nas.Result) -> list[Any]:
            return [(t.number, t.architecture, t.status, t.losses) for t in result.trials]

        assert told(away) == told(inline)


class TestMistakes:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"fidelity": {"shore": [0.5, 1.0]}}, "'shore'. Did you mean 'share'?"),
            ({"fidelity": {"share": [0.5]}}, "share is a list with a value for each stage"),
            ({"fidelity": {"share": 0.5}}, "share is a list with a value for each stage"),
            ({"fidelity": {"share": "ab"}}, "share is a list with a value for each stage"),
            ({"fidelity": {}}, "fidelity names no parameter"),
            ({"fidelity": [1, 2]}, "fidelity is a table of lists"),
            (
                {"fidelity": {"share": [0.5, 1.0], "rate": [1, 2, 3]}},
                "as many values for each parameter, but share has 2, rate has 3",
            ),
            ({"fidelity": {"rate": [-1.0, 1.0]}}, "rate must be a finite number above 0"),
            (
                {"evaluator": {"name": "tuned", "share": 1.0}},
                "share is given twice, in evaluator and in fidelity",
            ),
            ({"evaluator": "tunde"}, "no evaluator named 'tunde'. Did you mean 'tuned'?"),
            ({"evaluator": 3}, "evaluator is a name, such as"),
            (
                {"fidelity": {"space.widht": [1, 4]}},
                "Trio has no parameter 'widht'. Did you mean 'width'?",
            ),
            (
                {"fidelity": {"space.width": [4, 2]}},
                "last stage has space.width = 2, but .* have 4",
            ),
            ({"fidelity": {"space.wide": [True, False]}}, "the space has other decisions"),
            ({"objectives": ["error"]}, "which this evaluator does not report"),
        ],
    )
    def test_they_are_named_before_the_search(
        self, changes: dict[str, Any], message: str, tmp_path: Path
    ) -> None:
        values = config()
        if "objectives" in changes:
            values["objectives"] = [{"name": "reported", "metric": "accuracy"}]
        else:
            values["evaluator"] = {**values["evaluator"], **changes}
        with pytest.raises(nas.NASError, match=message):
            nas.search(values, tmp_path / "a.db", plugins=[TUNED])

    def test_parameters_that_the_space_refuses(self) -> None:
        fidelity = {"space.channels": [0, 4]}
        staged = nas.evaluator("staged", evaluator="train", fidelity=fidelity)
        message = "with space.channels = 0, channels must be a whole number of at least 1"
        with pytest.raises(nas.ConfigError, match=message):
            staged.check(cells())

    def test_spaces_that_are_no_dataclass(self) -> None:
        class Plain(nas.Space):
            input_shape, classes = (1,), 2
            decisions = (nas.Categorical("a", (1, 2)),)

            def build(self, architecture: nas.Architecture) -> Any:
                raise NotImplementedError

        fidelity = {"space.a": [1, 2]}
        staged = nas.evaluator("staged", evaluator="train", fidelity=fidelity)
        with pytest.raises(nas.ConfigError, match="needs a space that is a dataclass, and Plain"):
            staged.check(Plain())

    def test_built_by_hand(self) -> None:
        from nas_evaluators.staged import Staged

        with pytest.raises(nas.StudyError, match="build it by nas"):
            _ = Staged(evaluator="train", fidelity={"epochs": [1, 2]}).metrics


class TestStaged:
    def test_the_last_stage_is_the_evaluation_that_it_wraps(self) -> None:
        whole = nas.evaluator("train", epochs=2).evaluate(task(), silent)
        fidelity = {
            "data_share": [0.2, 1.0],
            "resolution": [4, 8],
            "space": {"channels": [2, 4]},
            "epochs": [1, 2],
        }
        found = nas.evaluator("staged", evaluator="train", fidelity=fidelity)
        curve: list[Mapping[str, float]] = []

        def report(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
            curve.append(metrics)

        staged = found.evaluate(task(used=found.used), report)
        assert set(staged.metrics) == set(found.metrics) == set(whole.metrics)
        for name in ("error", "loss", "train_loss"):
            assert staged.metrics[name] == whole.metrics[name] == curve[-1][name]
            assert curve[0][name] != curve[1][name]
        assert staged.network is not None
        assert whole.network is not None
        weights = whole.network.state_dict()
        for name, tensor in staged.network.state_dict().items():
            assert torch.equal(tensor, weights[name])
        assert "train_seconds" not in curve[-1]

    def test_a_part_of_the_budget(self) -> None:
        found = nas.evaluator("staged", evaluator="train", fidelity={"epochs": [1, 2, 3]})
        steps: list[int] = []

        def report(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
            steps.append(step)

        part = found.evaluate(task(used=found.used, budget=2), report)
        assert steps == [1, 2]
        alone = nas.evaluator("train", epochs=2).evaluate(task(), silent)
        assert part.metrics["loss"] == alone.metrics["loss"]

    def test_resources_are_those_of_the_evaluator(self) -> None:
        fidelity = {"epochs": [1, 2]}
        inner = {"name": "train", "cpus": 2, "gpus": 0, "resources": {"big": 1}}
        of_inner = nas.evaluator("staged", evaluator=inner, fidelity=fidelity)
        assert (of_inner.cpus, of_inner.gpus, of_inner.resources) == (2, 0, {"big": 1})
        outer = nas.evaluator("staged", evaluator="train", fidelity=fidelity, gpus=0, cpus=3)
        assert [(e.cpus, e.gpus) for e in outer.used] == [(3, 0), (3, 0)]
        assert outer.uses_gpu
        inner = {"name": "tabular", "path": "digits-cells"}
        table = nas.evaluator("staged", evaluator=inner, fidelity={"seconds": ["error", "error"]})
        assert not table.uses_gpu

    def test_a_table_in_stages(self) -> None:
        inner = {"name": "tabular", "path": "digits-cells"}
        alone = nas.evaluator("tabular", path="digits-cells")
        budgets = alone.budget
        assert budgets is not None
        space = nas.space(
            "nas201",
            cells=1,
            channels=4,
            input_shape=(1, 8, 8),
            operations=["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"],
        )
        fidelity = {"at": [1, budgets]}
        found = nas.evaluator("staged", evaluator=inner, fidelity=fidelity)
        known = found.known(space)
        assert known is not None
        steps: list[int] = []

        def report(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
            steps.append(step)

        own = nas.Task(space, known[0], None, None, seed=0, used=found.used)
        metrics = found.evaluate(own, report).metrics
        assert steps == [1, 2]
        assert metrics == alone.evaluate(own, silent).metrics

    def test_it_keeps_a_snapshot_after_each_stage(self) -> None:
        class Kept(nas.Checkpoint):
            saved: list[Mapping[str, Any]] = []  # noqa: RUF012

            def load(self) -> nas.Snapshot | None:
                return nas.Snapshot({}, self.saved[-1]) if self.saved else None

            def save(self, snapshot: nas.Snapshot) -> None:
                self.saved.append(snapshot.values)

        inner = {"name": "train", "checkpoint_every": 1}
        fidelity = {"epochs": [1, 1, 2]}
        found = nas.evaluator("staged", evaluator=inner, fidelity=fidelity)
        assert found.checkpoints
        steps: list[int] = []

        def report(step: int, metrics: Mapping[str, float], snapshot: object = None) -> None:
            steps.append(step)

        kept = Kept()
        whole = found.evaluate(task(used=found.used, checkpoint=kept), report)
        assert [dict(values) for values in kept.saved] == [{"stage": 1}, {"stage": 2}]
        again = found.evaluate(task(used=found.used, checkpoint=kept), report)
        assert steps == [1, 2, 3, 3]
        assert again.metrics["loss"] == whole.metrics["loss"]


@st.composite
def labelled(draw: st.DrawFn) -> nas.SearchData:
    """Samples that can be told apart, at least two of each class."""
    counts = draw(st.lists(st.integers(2, 30), min_size=1, max_size=5))
    targets = np.repeat(np.arange(len(counts)), counts).astype(np.int64)
    inputs = np.arange(len(targets), dtype=np.float32)[:, None]
    train = nas.Split(inputs, targets)
    return nas.SearchData(train, nas.Split(inputs[:1], targets[:1]), len(counts), "any")


shares = st.floats(0.01, 0.99)


class TestDataShare:
    @relaxed
    @given(labelled(), shares, shares)
    def test_some_of_each_class_and_smaller_within_larger(
        self, data: nas.SearchData, one: float, other: float
    ) -> None:
        low, high = sorted((one, other))
        few, many = (reduced(data, share=s, resolution=None).train for s in (low, high))
        assert set(few.inputs[:, 0]) <= set(many.inputs[:, 0])
        for label in range(data.classes):
            whole = int((data.train.targets == label).sum())
            wanted = min(max(round(low * whole), 1), whole - 1)
            assert int((few.targets == label).sum()) == wanted
        assert (data.train.targets[few.inputs[:, 0].astype(int)] == few.targets).all()

    def test_all_of_it_is_what_it_was(self) -> None:
        data = reduced(digits(), share=1.0, resolution=None)
        assert data.train is digits().train
        assert data.validation is digits().validation

    def test_it_is_what_networks_are_trained_on(self) -> None:
        few = nas.evaluator("train", epochs=1, data_share=0.1)
        by_hand = reduced(digits(), share=0.1, resolution=None)
        assert len(by_hand.validation) == len(digits().validation)
        assert 0.08 < len(by_hand.train) / len(digits().train) < 0.12
        alone = nas.evaluator("train", epochs=1).evaluate(task(data=by_hand), silent)
        assert few.evaluate(task(), silent).metrics["loss"] == alone.metrics["loss"]

    @pytest.mark.parametrize("share", [0, 0.0, -0.5, 1.1, "all", True])
    def test_it_is_a_share(self, share: Any) -> None:
        with pytest.raises(nas.ComponentError, match="data_share must be"):
            nas.evaluator("train", data_share=share)


class TestResolution:
    @relaxed
    @given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 9), st.integers(2, 9))
    def test_as_torch_does_it(self, height: int, width: int, high: int, wide: int) -> None:
        images = np.random.default_rng(0).random((2, 3, height, width))
        found = resized(images, (high, wide))
        its = torch.nn.functional.interpolate(
            torch.tensor(images), (high, wide), mode="bilinear", antialias=True
        )
        np.testing.assert_allclose(found, its.numpy(), atol=1e-9)
        # torch gets one column wrong
        column = resized(np.swapaxes(images, 2, 3), (wide, 1))
        np.testing.assert_allclose(
            column, np.swapaxes(resized(images, (1, wide)), 2, 3), atol=1e-12
        )

    def test_bytes_are_rounded(self) -> None:
        images = np.array([[[[0, 1], [1, 1]]]], dtype=np.uint8)
        found = resized(images, (1, 1))
        assert found.dtype == np.uint8
        assert found.item() == 1
        assert resized(np.full((3, 1, 5, 7), 255, dtype=np.uint8), (2, 9)).min() == 255

    @pytest.mark.parametrize(
        ("resolution", "shape"),
        [(4, (1, 4, 4)), (0.5, (1, 4, 4)), (0.3, (1, 2, 2)), (0.01, (1, 1, 1)), (12, (1, 12, 12))],
    )
    def test_pixels_and_shares(self, resolution: float, shape: tuple[int, ...]) -> None:
        data = reduced(digits(), share=1.0, resolution=resolution)
        assert data.input_shape == shape
        assert data.validation.inputs.shape[1:] == shape
        assert (data.train.targets == digits().train.targets).all()

    def test_the_shape_is_kept(self) -> None:
        images = np.zeros((4, 3, 8, 16), dtype=np.uint8)
        split = nas.Split(images, np.array([0, 1, 0, 1]))
        data = nas.SearchData(split, split, 2, "any")
        assert reduced(data, share=1.0, resolution=4).input_shape == (3, 4, 8)

    def test_the_same_resolution_changes_nothing(self) -> None:
        plain = nas.evaluator("train", epochs=1).evaluate(task(), silent)
        same = nas.evaluator("train", epochs=1, resolution=8).evaluate(task(), silent)
        assert plain.metrics["loss"] == same.metrics["loss"]

    def test_networks_see_smaller_images(self) -> None:
        by_hand = reduced(digits(), share=1.0, resolution=4)
        small = nas.space("nas201", cells=1, channels=4, input_shape=(1, 4, 4))
        alone = nas.evaluator("train", epochs=1).evaluate(task(small, data=by_hand), silent)
        found = nas.evaluator("train", epochs=1, resolution=4).evaluate(task(), silent)
        assert found.metrics["loss"] == alone.metrics["loss"]

    def test_networks_that_take_one_size_only(self) -> None:
        space = nas.space("mlp", input_shape=(1, 8, 8))
        message = "cannot take images of 4 x 4 pixels .*networks that end in global pooling"
        with pytest.raises(nas.CandidateError, match=message):
            nas.evaluator("train", epochs=1, resolution=4).evaluate(task(space), silent)

    def test_tables_have_none(self) -> None:
        split = nas.Split(np.zeros((4, 3), dtype=np.float32), np.array([0, 1, 0, 1]))
        data = nas.SearchData(split, split, 2, "any")
        space = nas.space("mlp", input_shape=(3,), classes=2)
        with pytest.raises(nas.ConfigError, match="resolution needs images"):
            nas.evaluator("train", resolution=4).evaluate(task(space, data=data), silent)

    @pytest.mark.parametrize("resolution", [0, -1, 1.5, 0.0, "half", True])
    def test_it_is_a_size(self, resolution: Any) -> None:
        with pytest.raises(nas.ComponentError, match="resolution must be"):
            nas.evaluator("train", resolution=resolution)
