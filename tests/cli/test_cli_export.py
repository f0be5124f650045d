"""``nas export``: what it writes, says and refuses."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

import nas as api
from nas import Goal, Status, Trial
from nas.archive.record import ComponentRecord, Record
from nas.archive.writer import Writer
from nas.normalise import Normalise, joined
from nas.study import Study

Nas = Callable[..., Any]
WRITERS = Path(__file__).parents[1] / "files" / "writers.py"
PARAMETERS = {"input_shape": [9], "classes": 3, "widths": [4, 9]}
GOALS = (Goal("error"), Goal("params"))


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    """An archive of fully connected networks; trial 1 has weights, trial 2 has none."""
    space = api.space("mlp", **PARAMETERS)
    architecture = space.sample(random.Random(3))
    normalise = Normalise(torch.full((9,), 3.0), torch.full((9,), 2.0))
    weights = save(joined(normalise, space.build(architecture)).state_dict())
    about = (space.canonical_id(architecture), space.format(architecture))
    path = tmp_path / "a.db"
    records = [
        Record(
            Trial(n, architecture, Status.COMPLETE, (e, 9.0), metrics={"error": e, "params": 9.0}),
            *about,
            weights=(lambda: weights) if n == 0 else None,
        )
        for n, e in enumerate((0.25, 0.5))
    ]
    with Writer.open(path) as writer:
        component = ComponentRecord("space", "mlp:mlp", PARAMETERS, "plugnas", "1")
        writer.record(writer.study(Study("s", "", GOALS, {}, 0, 1), [component]), records)
    return path


@pytest.mark.parametrize(
    ("to", "name", "files"),
    [
        ("onnx", "n.onnx", {"n.onnx"}),
        ("pt2", "n.pt2", {"n.pt2"}),
        ("python", "n.py", {"n.py", "n.weights.pt"}),
        ("safetensors", "n.safetensors", {"n.safetensors"}),
        ("exporters:json", "n.json", {"n.json"}),
    ],
)
def test_it_says_what_it_wrote(
    nas: Nas, dense: Path, tmp_path: Path, to: str, name: str, files: set[str]
) -> None:
    done = nas("export", dense, 1, "--to", to, "-o", name)
    assert (done.code, done.err) == (0, "")
    wrote = [line.split(",")[0] for line in done.out.splitlines() if line.startswith("Wrote")]
    assert wrote == [f"Wrote {file}" for file in sorted(files, key=lambda file: file != name)]
    assert "outputs differ by at most" in done.out
    assert "untrained" not in done.out
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith("a.db")} == files


def test_json(nas: Nas, dense: Path, tmp_path: Path) -> None:
    done = nas("export", dense, 1, "--to", "safetensors", "-o", "n.safetensors", "--json")
    size = (tmp_path / "n.safetensors").stat().st_size
    assert json.loads(done.out) == {
        "files": [{"path": "n.safetensors", "bytes": size}],
        "trained": True,
        "largest_difference": 0.0,
        "limit": pytest.approx(1e-4, rel=10),
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("1 --to onxx -o n.onnx", "no exporter named 'onxx'. Did you mean 'onnx'?"),
        ("2 --to pt2 -o n.pt2", "trial 2 has no weights"),
        ("2 --to pt2 -o n.pt2", "study 's' has those of 1; --untrained"),
        ("9 --to pt2 -o n.pt2", "no trial 9"),
        ("1 --to pt2 -o n.onnx", "files that end in '.pt2', such as 'n.pt2'"),
        ("1 --to pt2 -o n.pt2 --set x=1", "got an unexpected keyword argument 'x'"),
        ("1 --to pt2 -o n.pt2 --set force=true", "got an unexpected keyword argument 'force'"),
        ("1 --to pt2 -o n.pt2 --set opset", "write key=value"),
        ("1 --to onnx -o n.onnx --set opset=2", "opset must be a whole number of at least 18"),
        ("1 --to json -o here.json", "'here.json' exists; --force"),
        ("1 --to json", "Missing option"),
    ],
)
def test_errors(nas: Nas, dense: Path, tmp_path: Path, words: str, said: str) -> None:
    (tmp_path / "here.json").write_text("mine")
    done = nas("export", dense, *words.split())
    assert done.code == 2
    assert said in " ".join(done.err.split())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "n"))]
    assert (tmp_path / "here.json").read_text() == "mine"


def test_force_and_untrained(nas: Nas, dense: Path, tmp_path: Path) -> None:
    (tmp_path / "n.safetensors").write_text("mine")
    words = ("--to", "safetensors", "-o", "n.safetensors", "--force", "--untrained")
    done = nas("export", dense, 2, *words)
    assert done.code == 0, done.err
    assert done.out.endswith("The weights are untrained.\n")
    assert (tmp_path / "n.safetensors").read_bytes() != b"mine"


def test_an_exporter_from_a_file(nas: Nas, dense: Path, tmp_path: Path) -> None:
    words = ("export", dense, 1, "--to", "state", "-o", "n.npz", "--plugin", WRITERS)
    done = nas(*words, "--set", "mode=noise")
    assert done.code == 2
    assert "exporter 'State' is wrong: the exported network's outputs are" in done.err
    assert not (tmp_path / "n.npz").exists()
    assert nas(*words, "--set", "mode=honest").code == 0
    assert (tmp_path / "n.npz").exists()


def test_ctrl_c_leaves_nothing(dense: Path, tmp_path: Path) -> None:
    words = ("export", dense, 1, "--to", "state", "-o", tmp_path / "n.npz", "--plugin", WRITERS)
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *map(str, words), "--set", "mode=sleeps"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    with process:
        limit = time.monotonic() + 60
        while not [*tmp_path.glob(".n.npz.*/beside.txt")]:
            assert time.monotonic() < limit, "it has not begun"
            assert process.poll() is None, "it ended by itself"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    assert not [path for path in tmp_path.iterdir() if not path.name.startswith("a.db")]


def test_a_study_with_a_hostile_name_is_text(
    nas: Nas, dense: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    hostile = '"""\nimport os\nos.remove("here.txt")\n"""'
    with sqlite3.connect(dense) as connection:
        connection.execute("UPDATE studies SET name = ?", (hostile,))
    connection.close()
    (tmp_path / "here.txt").write_text("mine")
    done = nas("export", dense, 1, "--to", "python", "-o", "n.py")
    assert done.code == 0, done.err
    assert (tmp_path / "here.txt").read_text() == "mine"
    assert "os.remove" in (tmp_path / "n.py").read_text().splitlines()[0]
