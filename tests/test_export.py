"""Exports: every exporter on every space; what is written is the archived network, or nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

import nas
from nas import Architecture, ArchiveError, ComponentError, ExportError, Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.exporting import TOLERANCE
from nas.normalise import Normalise, joined
from nas.plugins import PluginFile, Plugins
from nas.study import Study

GOALS = (Goal("error"), Goal("params", unit="parameters"))
SUFFIX = {
    "onnx": ".onnx",
    "pt2": ".pt2",
    "python": ".py",
    "safetensors": ".safetensors",
    "json": ".json",
}
CELLS = {"cells": 1, "channels": 4, "classes": 3, "input_shape": [1, 7, 6]}
DENSE = {"input_shape": [9], "classes": 3, "widths": [4, 9]}
HYPER = {"hyper": {"lr": {"low": 1e-3, "high": 1e-1, "log": True}}}
SPACES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "nas201, 2 cells": ("cells:nas201", {**CELLS, "cells": 2}),
    "nas201, hyper": ("cells:nas201", {**CELLS, **HYPER}),
    "mlp": ("mlp:mlp", DENSE),
    "mlp of images, hyper": ("mlp:mlp", {**DENSE, "input_shape": [1, 3, 3], **HYPER}),
}
PLUGIN = Path(__file__).parent / "files" / "writers.py"
UNDISTURBED = "the test's own file, not to be touched"


@pytest.fixture
def plugins() -> Plugins:
    return Plugins([PluginFile.read(PLUGIN)], disabled=())


@dataclass(frozen=True)
class Archived:
    """An archive of one study; its first trial has weights, its second has none."""

    path: Path
    network: nn.Module
    architecture: Architecture
    space: nas.Space

    def export(self, to: str, name: str = "", trial: int = 1, **options: Any) -> Path:
        path = self.path.parent / (name or f"found{SUFFIX[to]}")
        with nas.Archive(self.path) as archive:
            archive.export(trial, to, path, **options)
        return path

    def inputs(self, batch: int, seed: int = 1) -> torch.Tensor:
        """Return raw inputs: whole numbers, as pixels are."""
        shape = (batch, *self.space.input_shape)
        return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(seed)).float()

    def expected(self, inputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self.network(inputs)

    def files(self) -> set[str]:
        """Return what lies in its folder, beside the archive itself."""
        return {
            path.name
            for path in self.path.parent.iterdir()
            if not path.name.startswith(self.path.name)
        }


def archived(
    folder: Path,
    name: str,
    parameters: Mapping[str, Any],
    *,
    plugins: Plugins | None = None,
    architecture: Architecture | None = None,
    normalised: bool = True,
    study: str = "s",
) -> Archived:
    """Make an archive with a network that looks trained: no value in it is an initial one."""
    space: nas.Space = (plugins or Plugins()).build("space", name, **parameters)
    chosen = architecture or space.sample(random.Random(3))
    drawn = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = space.build(chosen)
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.add_(torch.rand(value.shape, generator=drawn))
    if normalised:
        shape = (1, 1, 1) if len(space.input_shape) == 3 else (space.input_shape[0],)
        network = joined(Normalise(torch.full(shape, 128.0), torch.full(shape, 70.0)), network)
    metrics = {"error": 0.25, "params": 77.0}
    trial = Trial(0, chosen, Status.COMPLETE, (0.25, 77.0), metrics=metrics, seed=5, budget=3)
    weights = save({k: v.contiguous().clone() for k, v in network.state_dict().items()})
    worse = Trial(
        1, chosen, Status.COMPLETE, (0.5, 99.0), metrics={**metrics, "error": 0.5}, seed=6
    )
    path = folder / "a.db"
    about = (space.canonical_id(chosen), space.format(chosen))
    with Writer.open(path) as writer:
        component = ComponentRecord("space", name, dict(parameters), "plugnas", "1")
        begun = writer.study(Study(study, "", GOALS, {}, 0, 1), [component])
        records = [Record(trial, *about, weights=lambda: weights), Record(worse, *about)]
        writer.record(begun, records)
    return Archived(path, network.eval(), chosen, space)


@pytest.fixture(params=SPACES)
def found(request: pytest.FixtureRequest, tmp_path: Path) -> Archived:
    return archived(tmp_path, *SPACES[request.param])


@pytest.fixture
def dense(tmp_path: Path) -> Archived:
    return archived(tmp_path, "mlp:mlp", DENSE)


def close(logits: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool(torch.allclose(logits, expected, rtol=1e-4, atol=1e-4))


def without_nas(code: str, folder: Path, *arguments: str) -> str:
    """Run Python where ``nas`` and our plugins cannot be imported; return what it printed."""
    blocked = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "nas" or name.startswith("nas_"):
            raise ImportError(f"{name} is ours")
sys.meta_path.insert(0, Blocked())
sys.path.insert(0, ".")
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", blocked + code, *arguments],
        cwd=folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class TestOnnx:
    def test_it_runs_in_onnxruntime(self, found: Archived) -> None:
        path = found.export("onnx")
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        (inputs,), (logits,) = session.get_inputs(), session.get_outputs()
        assert (inputs.name, logits.name) == ("input", "logits")
        assert inputs.shape == ["batch", *found.space.input_shape]
        assert logits.shape == ["batch", 3]
        for batch in (1, 2, 5):
            x = found.inputs(batch)
            (answer,) = session.run(None, {"input": x.numpy()})
            assert close(torch.from_numpy(answer), found.expected(x))
        about = json.loads(session.get_modelmeta().custom_metadata_map["nas"])
        assert about["study"] == "s"
        assert about["decisions"] == dict(found.architecture)
        assert found.files() == {"found.onnx"}

    def test_pooling_is_an_operator(self, tmp_path: Path) -> None:
        pooled = Architecture(
            {f"edge_{e}": "avg_pool_3x3" for e in ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")}
        )
        path = archived(tmp_path, "cells:nas201", CELLS, architecture=pooled).export("onnx")
        import onnx

        operators = [node.op_type for node in onnx.load(str(path)).graph.node]
        assert operators.count("AveragePool") == 3 * 3 + 2  # of one stage's six, three are the same
        assert "Expand" not in operators

    def test_the_version_of_operators_is_chosen(self, dense: Archived) -> None:
        import onnx

        path = dense.export("onnx", opset=18)
        assert [o.version for o in onnx.load(str(path)).opset_import if not o.domain] == [18]
        with pytest.raises(ComponentError, match="opset must be a whole number of at least 18"):
            dense.export("onnx", "b.onnx", opset=3)

    def test_large_weights_stand_beside_it(
        self, dense: Archived, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("nas_exporters.onnx_model.ONE_FILE", 0)
        path = dense.export("onnx")
        assert dense.files() == {"found.onnx", "found.onnx.data"}
        x = dense.inputs(2)
        (answer,) = onnxruntime.InferenceSession(str(path)).run(None, {"input": x.numpy()})
        assert close(torch.from_numpy(answer), dense.expected(x))

    def test_a_missing_package_names_the_command(
        self, dense: Archived, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from nas_exporters import onnx_model

        monkeypatch.setattr(onnx_model, "find_spec", lambda name: None if name == "onnx" else name)
        with pytest.raises(ExportError, match=r"needs onnx: pip install 'plugnas\[onnx\]'"):
            dense.export("onnx")


class TestPt2:
    def test_it_loads_for_any_batch(self, found: Archived) -> None:
        path = found.export("pt2")
        extra = {"nas.json": ""}
        program = torch.export.load(path, extra_files=extra).module()
        for batch in (1, 2, 5):
            x = found.inputs(batch)
            assert close(program(x), found.expected(x))
        assert json.loads(extra["nas.json"])["trial"] == 1
        assert found.files() == {"found.pt2"}


class TestPython:
    def test_it_runs_where_nas_cannot_be_imported(self, found: Archived) -> None:
        found.export("python")
        assert found.files() == {"found.py", "found.weights.pt"}
        x = found.inputs(3)
        torch.save(x, found.path.with_name("x.pt"))
        code = """
import torch, found, sys
logits = found.load()(torch.load("x.pt"))
torch.save(logits.detach(), "y.pt")
assert not any(n == "nas" or n.startswith("nas_") for n in sys.modules)
"""
        without_nas(code, found.path.parent)
        assert close(torch.load(found.path.with_name("y.pt")), found.expected(x))

    def test_it_shows_how_to_run_it(self, dense: Archived) -> None:
        dense.export("python", "my-net.py")
        code = "import runpy; runpy.run_path('my-net.py', run_name='__main__')"
        assert without_nas(code, dense.path.parent).startswith("logits (2, 3) classes [")

    def test_it_is_read_by_people(self, tmp_path: Path) -> None:
        text = archived(tmp_path, "cells:nas201", CELLS).export("python").read_text()
        assert "|~" not in text
        assert text.count("class Cell(nn.Module):") == 1
        assert "x = self.stage_2(x)  # (batch, 8, 4, 3)" in text
        assert "params: 77.0 parameters" in text
        assert max(map(len, text.splitlines())) <= 110

    @pytest.mark.parametrize(
        ("operations", "left_out"),
        [
            ("none none none none none none", "every cell but the last have no effect"),
            ("none none nor_conv_3x3 none none avg_pool_3x3", "which pooling keeps"),
            ("nor_conv_3x3 none none skip_connect none none", "does not depend on it"),
        ],
    )
    def test_what_has_no_effect_is_left_out(
        self, tmp_path: Path, operations: str, left_out: str
    ) -> None:
        edges = ("0_1", "0_2", "1_2", "0_3", "1_3", "2_3")
        decisions = {f"edge_{e}": o for e, o in zip(edges, operations.split(), strict=True)}
        found = archived(tmp_path, "cells:nas201", CELLS, architecture=Architecture(decisions))
        text = found.export("python").read_text()
        assert left_out in " ".join(text.split())
        assert "nor_conv_3x3(" not in text
        weights = torch.load(found.path.with_name("found.weights.pt"), weights_only=True)
        assert len(weights) < len(found.network.state_dict())

    def test_a_space_without_source_is_told_what_it_needs(
        self, tmp_path: Path, plugins: Plugins
    ) -> None:
        plain = archived(tmp_path, "writers:plain", {}, plugins=plugins)
        with pytest.raises(ExportError, match=r"Plain does not: it has no method source\(") as e:
            plain.export("python", plugins=plugins)
        assert "'onnx', 'pt2', 'safetensors' and 'json' work" in str(e.value)
        assert plain.files() == set()

    @pytest.mark.parametrize(
        ("mode", "said"),
        [
            ("imports", "imports 'nas.networks'; expected nothing but torch"),
            ("syntax", "is no Python"),
            ("shape", "size mismatch"),
            ("name", "Missing key"),
            ("wrong", "more than"),
            ("hidden", "does not work without nas: ModuleNotFoundError"),
            ("dies", "its process died"),
        ],
    )
    def test_source_that_is_wrong_is_refused(
        self, tmp_path: Path, plugins: Plugins, mode: str, said: str
    ) -> None:
        wrong = archived(tmp_path, "writers:sourced", {"mode": mode}, plugins=plugins)
        with pytest.raises(ExportError, match=said):
            wrong.export("python", plugins=plugins)
        assert wrong.files() == set()

    def test_a_plugin_space_with_source_works(self, tmp_path: Path, plugins: Plugins) -> None:
        sourced = archived(tmp_path, "writers:sourced", {}, plugins=plugins)
        sourced.export("python", plugins=plugins)
        assert sourced.files() == {"found.py", "found.weights.pt"}


class TestSafetensors:
    def test_it_says_how_to_load_it(self, found: Archived) -> None:
        path = found.export("safetensors")
        with safe_open(path, "pt") as file:
            how = file.metadata()["how_to_load"]
        names: dict[str, Any] = {"PATH": str(path)}
        exec(how, names)
        x = found.inputs(4)
        assert torch.equal(names["network"](x), found.expected(x))
        assert found.files() == {"found.safetensors"}

    def test_tensors_that_layers_share(self, tmp_path: Path, plugins: Plugins) -> None:
        tied = archived(
            tmp_path, "writers:plain", {"tied": True}, plugins=plugins, normalised=False
        )
        path = tied.export("safetensors", plugins=plugins)
        with safe_open(path, "pt") as file:
            how = file.metadata()["how_to_load"]
        assert "with_normalisation" not in how
        assert tied.files() == {"found.safetensors"}


class TestJson:
    def test_it_describes_the_network(self, found: Archived) -> None:
        document = json.loads(found.export("json").read_text())
        assert found.space.architecture(document["decisions"]) == found.architecture
        assert document["canonical_id"] == found.space.canonical_id(found.architecture)
        assert document["metrics"] == {"error": 0.25, "params": 77.0}
        assert document["space"]["name"] in ("cells:nas201", "mlp:mlp")
        drawn = nx.node_link_graph(document["graph"], edges="edges")
        graph = found.space.graph(found.architecture)
        assert dict(drawn.nodes(data=True)) == dict(graph.nodes(data=True))
        assert list(drawn.edges(data=True)) == list(graph.edges(data=True))

    def test_it_needs_no_weights(self, dense: Archived) -> None:
        assert json.loads(dense.export("json", trial=2).read_text())["metrics"]["error"] == 0.5

    def test_it_is_the_same_each_time(self, dense: Archived) -> None:
        first = dense.export("json").read_bytes()
        assert dense.export("json", force=True).read_bytes() == first


class TestThirdParties:
    @pytest.mark.parametrize("to", ["onnx", "pt2", "safetensors", "json"])
    def test_a_space_needs_no_special_code(self, tmp_path: Path, plugins: Plugins, to: str) -> None:
        plain = archived(tmp_path, "writers:plain", {}, plugins=plugins)
        plain.export(to, plugins=plugins)
        assert plain.files() == {f"found{SUFFIX[to]}"}

    @pytest.mark.parametrize("to", ["onnx", "pt2"])
    def test_a_network_that_cannot_be_traced_says_why(
        self, tmp_path: Path, plugins: Plugins, to: str
    ) -> None:
        odd = archived(tmp_path, "writers:plain", {"branches": True}, plugins=plugins)
        with pytest.raises(ExportError, match=r"torch cannot trace .* must not branch on values"):
            odd.export(to, plugins=plugins)
        assert odd.files() == set()
        odd.export("safetensors", plugins=plugins)

    def test_an_exporter_of_few_lines(self, dense: Archived, plugins: Plugins) -> None:
        with nas.Archive(dense.path) as archive:
            done = archive.export(
                1, "state", dense.path.with_name("w.npz"), plugins=plugins, mode="honest"
            )
        assert list(done.files) == [dense.path.with_name("w.npz")]
        assert done.difference == 0.0
        assert done.trained


class TestLies:
    @pytest.mark.parametrize(
        ("mode", "said"),
        [
            ("noise", "outputs are .* more than"),
            ("nan", "outputs that are not finite"),
            ("shape", r"returns \(1, 2\) for inputs \(1, 9\), the archived one \(1, 3\)"),
            ("batch", "fails on a batch of 3: AssertionError: one at a time"),
            ("unloadable", "written what cannot be loaded: RuntimeError: no"),
            ("unwritten", "has written no file"),
            ("raises", "cannot write this network: ZeroDivisionError"),
            ("network", "outputs are .* more than"),
        ],
    )
    @pytest.mark.parametrize("there", [True, False])
    def test_nothing_is_left(
        self, dense: Archived, plugins: Plugins, mode: str, said: str, there: bool
    ) -> None:
        path = dense.path.with_name("w.npz")
        if there:
            path.write_text(UNDISTURBED)
        with pytest.raises(ExportError, match=said), nas.Archive(dense.path) as archive:
            archive.export(1, "state", path, plugins=plugins, force=True, mode=mode)
        assert dense.files() == ({"w.npz"} if there else set())
        assert not there or path.read_text() == UNDISTURBED

    def test_what_is_no_exporter_is_refused(self, dense: Archived, plugins: Plugins) -> None:
        with pytest.raises(ComponentError, match=r"builds a Branching, which is no nas.Exporter"):
            dense.export("nothing", "w.npz", plugins=plugins)

    def test_a_difference_below_the_limit_is_told(self, dense: Archived, plugins: Plugins) -> None:
        with nas.Archive(dense.path) as archive:
            path = dense.path.with_name("w.npz")
            done = archive.export(1, "state", path, plugins=plugins, mode="rounds")
        assert 0 < done.difference <= done.limit
        assert done.limit >= TOLERANCE


class TestInterrupts:
    @pytest.mark.parametrize("mode", ["interrupted", "interrupted while loading"])
    def test_no_half_file(self, dense: Archived, plugins: Plugins, mode: str) -> None:
        with pytest.raises(KeyboardInterrupt), nas.Archive(dense.path) as archive:
            archive.export(1, "state", dense.path.with_name("w.npz"), plugins=plugins, mode=mode)
        assert dense.files() == set()

    @pytest.mark.parametrize("there", [True, False])
    def test_two_files_are_put_in_place_together(
        self, dense: Archived, monkeypatch: pytest.MonkeyPatch, there: bool
    ) -> None:
        names = ("found.py", "found.weights.pt")
        if there:
            for name in names:
                dense.path.with_name(name).write_text(UNDISTURBED)
        replace = Path.replace

        def interrupted(self: Path, target: Path) -> Path:
            if self.name == "found.py" and "replaced" not in self.parts:
                raise KeyboardInterrupt
            return replace(self, target)

        monkeypatch.setattr(Path, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            dense.export("python", force=True)
        assert dense.files() == (set(names) if there else set())
        assert all(dense.path.with_name(n).read_text() == UNDISTURBED for n in names if there)


class TestPlaces:
    def test_nothing_is_overwritten_unasked(self, dense: Archived) -> None:
        path = dense.path.with_name("found.json")
        path.write_text(UNDISTURBED)
        with pytest.raises(ExportError, match=r"found.json' exists; --force"):
            dense.export("json")
        assert path.read_text() == UNDISTURBED
        assert json.loads(dense.export("json", force=True).read_text())["trial"] == 1

    def test_neither_is_the_file_beside_it(self, dense: Archived) -> None:
        weights = dense.path.with_name("found.weights.pt")
        weights.write_text(UNDISTURBED)
        with pytest.raises(ExportError, match=r"found.weights.pt' exists; --force"):
            dense.export("python")
        assert dense.files() == {"found.weights.pt"}
        assert weights.read_text() == UNDISTURBED

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("found", "end in '.onnx', such as '.*found.onnx'"),
            ("found.pt", "end in '.onnx', such as '.*found.onnx'"),
            ("none/found.onnx", "there is no folder '.*none'"),
            ("folder.onnx", "is a folder; name the file"),
        ],
    )
    def test_a_place_that_will_not_do(self, dense: Archived, name: str, said: str) -> None:
        dense.path.with_name("folder.onnx").mkdir()
        with pytest.raises(ExportError, match=said):
            dense.export("onnx", name)

    def test_a_folder_that_cannot_be_written(self, dense: Archived) -> None:
        if os.geteuid() == 0:
            pytest.skip("root can write everywhere")
        dense.path.parent.chmod(0o500)
        try:
            with pytest.raises(ExportError, match="cannot be written"):
                dense.export("json")
        finally:
            dense.path.parent.chmod(0o700)


class TestWeights:
    def test_a_trial_without_weights_says_so(self, dense: Archived) -> None:
        with pytest.raises(ArchiveError, match=r"no weights: .* --untrained \(untrained=True\)"):
            dense.export("onnx", trial=2)
        assert dense.files() == set()

    @pytest.mark.parametrize("trial", [1, 2])
    def test_untrained_has_the_weights_that_training_began_with(
        self, dense: Archived, trial: int
    ) -> None:
        path = dense.export("pt2", trial=trial, untrained=True)
        with torch.random.fork_rng():
            torch.manual_seed({1: 5, 2: 6}[trial])
            network = dense.space.build(dense.architecture).eval()
        x = torch.randn(4, 9)
        extra = {"nas.json": ""}
        assert close(torch.export.load(path, extra_files=extra).module()(x), network(x))
        assert json.loads(extra["nas.json"])["trained"] is False

    def test_the_random_state_stays(self, dense: Archived) -> None:
        state = torch.get_rng_state()
        dense.export("json", untrained=True)
        dense.export("safetensors")
        assert torch.equal(torch.get_rng_state(), state)

    def test_damaged_weights_are_refused(self, dense: Archived) -> None:
        (file,) = dense.path.with_name("a.db.artifacts").glob("??/*.safetensors")
        file.write_bytes(file.read_bytes()[:-1] + b"\1")
        with pytest.raises(ArchiveError, match="damaged"):
            dense.export("safetensors")

    def test_a_network_that_answers_nan_is_not_exported(
        self, tmp_path: Path, plugins: Plugins
    ) -> None:
        broken = archived(tmp_path, "writers:plain", {"nan": True}, plugins=plugins)
        with pytest.raises(ExportError, match="own outputs are not finite"):
            broken.export("safetensors", plugins=plugins)

    def test_raw_inputs_far_from_zero(self, tmp_path: Path) -> None:
        found = archived(tmp_path, "mlp:mlp", DENSE)
        x = found.inputs(3) * 1000
        program = torch.export.load(found.export("pt2")).module()
        assert torch.allclose(program(x), found.expected(x), rtol=1e-4)


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=40) | st.sampled_from(['"""\nraise SystemExit\n"""', "\\", '\\"""']))
def test_no_name_becomes_code(text: str) -> None:
    """Names of studies and metrics, texts of architectures: whatever is in them, it is text."""
    import ast

    from nas_exporters.python_file import python_file

    space = nas.space("mlp", **DENSE)
    architecture = space.sample(random.Random(0))

    def tree(name: str) -> list[str]:
        about = {
            "trial": 1,
            "study": name,
            "nas": name,
            "space": {"name": name},
            "architecture": name,
            "metrics": {name: 0.5},
            "objectives": [{"metric": name, "unit": name}],
            "normalises": True,
            "trained": True,
        }
        found = nas.FoundNetwork(space, architecture, nn.Identity(), about)
        source = space.source(architecture)
        assert source is not None
        module = ast.parse(python_file(found, source, "w.pt", "w"))
        assert isinstance(module.body[0], ast.Expr)
        return [ast.dump(statement) for statement in module.body[1:]]

    assert tree(text) == tree("plain")


def test_numbers_of_a_space_are_numbers_in_the_file() -> None:
    """A plugin's space may take them from an archive without a check."""
    from nas_exporters.python_file import python_file

    space = nas.space("mlp", **DENSE)
    object.__setattr__(space, "classes", "3\nraise SystemExit")
    about = {
        **dict.fromkeys(("trial", "study", "nas", "architecture"), "x"),
        "space": {"name": "x"},
        "metrics": {},
        "objectives": [],
        "normalises": False,
        "trained": True,
    }
    found = nas.FoundNetwork(space, space.sample(random.Random(0)), nn.Identity(), about)
    with pytest.raises(ValueError, match="invalid literal"):
        python_file(found, nas.NetworkSource(""), "w.pt", "w")


class TestSources:
    """Networks of the built-in spaces as they are written, against those that are built."""

    @pytest.mark.parametrize(
        ("name", "parameters", "samples"),
        [
            ("nas201", {**CELLS, "channels": 2}, 60),
            ("nas201", {**CELLS, "channels": 2, "cells": 2}, 10),
            ("nas201", {**CELLS, "channels": 2, "operations": ["none", "nor_conv_1x1"]}, 30),
            ("nas201", {**CELLS, "operations": ["none", "avg_pool_3x3", "skip_connect"]}, 20),
            ("mlp", DENSE, 60),
            ("mlp", {**DENSE, "input_shape": [2, 2, 2]}, 60),
        ],
    )
    def test_they_compute_the_same(
        self, name: str, parameters: Mapping[str, Any], samples: int
    ) -> None:
        space, rng = nas.space(name, **parameters), random.Random(1)
        for _ in range(samples):
            architecture = space.sample(rng)
            with torch.random.fork_rng():
                torch.manual_seed(0)
                built = space.build(architecture)
                source = space.source(architecture)
                assert source is not None
                names: dict[str, Any] = {"torch": torch, "nn": nn}
                exec(source.code, names)
                written = names["Network"]()
                for value in built.state_dict().values():
                    if value.is_floating_point():
                        value.copy_(torch.rand(value.shape) + 0.1)
            state = {source.written(k): v for k, v in built.state_dict().items()}
            written.load_state_dict({k: v for k, v in state.items() if k is not None})
            dropping = architecture.get("dropout", 0)
            for training in (False, True):
                if training and dropping:
                    continue  # each draws its own
                x = torch.randn(3, *space.input_shape, generator=torch.Generator().manual_seed(2))
                with torch.no_grad():
                    a, b = built.train(training)(x), written.train(training)(x)
                assert np.allclose(a, b, rtol=1e-4, atol=1e-4), (architecture, training)

    def test_a_names_own_entry_wins_over_its_modules(self) -> None:
        source = nas.NetworkSource("", {"a": "b", "a.1": None, "a.1.x": "y", "c.d": "e"})
        given = ("a.0", "a.1.0", "a.1.x", "a1", "c", "c.d.w", "a")
        assert [source.written(n) for n in given] == ["b.0", None, "y", "a1", "c", "e.w", "b"]
