"""``nas benchmark`` as users type it: on Ray and not, killed and going on, shown and drawn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drivers import count, wait_for
from toy_benchmark import values
from toys import TOY

Nas = Callable[..., Any]

CONFIG = """
name = "small"
seeds = {seeds}
trials = 12
[[tables]]
name = "toy"
space = "toy"
evaluator = {{ name = "tabular", path = {path} }}
objectives = [{{ name = "reported", metric = "valid", direction = "maximize" }}]
judge = {{ metric = "test", direction = "maximize" }}
target = 8
[[strategies]]
name = "regularized_evolution"
population = 4
sample = 2
label = "RE 4/2"
[[strategies]]
name = "climb"
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    (of,) = values(tmp_path)["tables"]
    path = tmp_path / "small.toml"
    path.write_text(CONFIG.format(seeds=3, path=json.dumps(of["evaluator"]["path"])))
    return path


INLINE = ("--set", "run.executor=inline")


def tables(out: str) -> Any:
    """Return what JSON says of the tables, without what the clock says."""
    document = json.loads(out)
    for one in document["tables"]:
        for row in one["rows"]:
            assert row.pop("choosing") > 0
            assert row.pop("choosing_late") > 0
    return document["tables"]


@pytest.mark.slow_fault
def test_ray_and_inline_give_the_same(nas: Nas, toml: Path) -> None:
    on_ray = nas("benchmark", toml, "--plugin", TOY, "--json", "--archive", "ray.db")
    inline = nas("benchmark", toml, "--plugin", TOY, "--json", "--archive", "one.db", *INLINE)
    assert (on_ray.code, inline.code) == (0, 0), on_ray.err + inline.err
    assert "9 of 9 studies" in on_ray.err
    assert tables(on_ray.out) == tables(inline.out)
    (toy,) = json.loads(inline.out)["tables"]
    assert [row["strategy"] for row in toy["rows"]] == ["random", "RE 4/2", "climb"]


def test_tables_for_people(nas: Nas, toml: Path) -> None:
    done = nas("benchmark", toml, "--plugin", TOY, *INLINE)
    assert done.code == 0, done.err
    assert "small, toy: 3 of 3 seeds, mean ± 95 % interval over seeds" in done.out
    assert "Regret of valid to the best of the table, 12; lower is better" in done.out
    assert "test of what was best by valid; higher is better" in done.out
    assert "Better than random by, in test, at equal trials, seeds paired" in done.out
    last = done.out.split("Better than random")[1]
    assert "the line to beat" in last
    assert all("beat random" in line or "beats random" in line for line in last.splitlines()[-2:])
    shown = nas("benchmark", toml, "--plugin", TOY, "--show")
    assert shown.out == done.out
    assert shown.err == ""


def test_what_only_follows_random_search_says_so(nas: Nas, toml: Path) -> None:
    """Random search under another name cannot beat random search."""
    toml.write_text(toml.read_text().split("[[strategies]]")[0])
    with toml.open("a") as file:
        file.write('[[strategies]]\nname = "random"\nlabel = "in disguise"\n')
        file.write('filter = { proxy = "lean", candidates = 2, random = 1.0 }\n')
    done = nas("benchmark", toml, "--plugin", TOY, *INLINE)
    assert done.out.rstrip().endswith("does not beat random")


def test_one_seed_claims_nothing(nas: Nas, toml: Path) -> None:
    done = nas("benchmark", toml, "--plugin", TOY, *INLINE, "--set", "seeds=1")
    assert "one seed: no interval, nothing can be said" in done.out
    assert "beats random" not in done.out


def test_a_killed_one_goes_on(nas: Nas, toml: Path, tmp_path: Path) -> None:
    archive = tmp_path / "killed.db"
    words = ["benchmark", toml, "--plugin", TOY, *INLINE, "--json", "--set", "seeds=6"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *map(str, words), "--archive", str(archive)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: count(archive) >= 20, process)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left = count(archive)
    gone_on = nas(*words, "--archive", archive)
    at_once = nas(*words, "--archive", "other.db")
    assert left < count(archive) == 18 * 12
    assert tables(gone_on.out) == tables(at_once.out)


def test_ctrl_c_leaves_what_is_finished(nas: Nas, toml: Path, tmp_path: Path) -> None:
    archive = tmp_path / "stopped.db"
    words = ["benchmark", str(toml), "--plugin", str(TOY), *INLINE, "--set", "seeds=50"]
    process = subprocess.Popen(
        [sys.executable, "-m", "nas", *words, "--archive", str(archive)],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: count(archive) >= 40, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert "of 50 seeds" in out
    assert "Traceback" not in err


def test_seeds_are_added(nas: Nas, toml: Path) -> None:
    words = ("benchmark", toml, "--plugin", TOY, "--json", *INLINE)
    nas(*words)
    more = nas(*words, "--set", "seeds=4")
    assert "12 of 12 studies" in more.err
    at_once = nas(*words, "--set", "seeds=4", "--archive", "other.db")
    assert tables(more.out) == tables(at_once.out)


@pytest.mark.parametrize("name", ["a.png", "a.svg"])
def test_a_plot(nas: Nas, toml: Path, tmp_path: Path, name: str) -> None:
    done = nas("benchmark", toml, "--plugin", TOY, *INLINE, "--plot", name)
    assert done.code == 0, done.err
    content = (tmp_path / name).read_bytes()
    assert content.startswith(b"\x89PNG") or b"<svg" in content[:1000]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent.toml"], "'absent.toml' cannot be read: No such file"),
        (["small.toml", "--set", "sedes=3"], "unknown key 'sedes'. Did you mean 'seeds'?"),
        (["small.toml", "--set", "seeds=none"], "seeds: input should be a valid integer"),
        (["small.toml", "--plot", "a.gif"], "must end in one of .html, .pdf, .png, .svg"),
        (["small.toml", "--plot", "no/a.png"], "there is no folder 'no'"),
    ],
)
def test_what_cannot_be_meant(nas: Nas, toml: Path, words: list[str], message: str) -> None:
    done = nas("benchmark", *words, "--plugin", TOY)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_a_plot_without_plotly(
    nas: Nas, toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    done = nas("benchmark", toml, "--plugin", TOY, "--plot", "a.png")
    assert done.code == 2
    assert "pip install 'plugnas[plot]'" in done.err
    assert not (tmp_path / "nas.db").exists()


def test_nothing_finished_yet(nas: Nas, toml: Path) -> None:
    done = nas("benchmark", toml, "--plugin", TOY, "--show")
    assert done.out == "No study is finished yet.\n"
