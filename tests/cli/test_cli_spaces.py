"""``nas space``, ``nas score`` and ``nas plugins``."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nas as api

Nas = Callable[..., Any]
TOY = Path(__file__).parents[1] / "files" / "toy.py"
SMALL = ("--set", "cells=1", "--set", "channels=4")

PROXIES = """
import nas

class Shy(nas.Proxy):
    needs_data = False
    def compute(self, network, inputs, targets):
        if network.out_features == 3:
            raise nas.NotApplicableError("three is too many")
        return float(network.out_features)

class Widths(nas.Space):
    input_shape, classes = (4,), 2
    @property
    def decisions(self):
        return [nas.Integer("width", 1, 5)]
    def build(self, architecture):
        import torch
        if architecture["width"] == 5:
            raise ValueError("five cannot be built")
        return torch.nn.Linear(4, architecture["width"])

@nas.hookimpl
def nas_proxies():
    return [nas.Component("shy", Shy, "counts outputs")]

@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("widths", Widths, "one to five outputs")]
"""


class TestSpace:
    def test_size_decisions_and_a_drawn_sample(self, nas: Nas) -> None:
        done = nas("space", "nas201")
        assert done.code == 0
        assert "15,625 architectures; input 3 x 32 x 32, 10 classes" in done.out
        assert re.search(r"edge_0_1, .*edge_2_3 +categorical +none, skip_connect,", done.out)
        assert done.out.count("●") == 4

    def test_the_sample_is_the_one_of_the_seed(self, nas: Nas) -> None:
        space = api.space("nas201")
        documents = [
            json.loads(nas("space", "nas201", "--seed", s, "--json").out) for s in (1, 1, 2)
        ]
        assert documents[0] == documents[1]
        assert documents[0]["sample"] != documents[2]["sample"]
        for document in documents:
            sample = document["sample"]
            architecture = space.parse(sample["architecture"])
            assert dict(architecture) == sample["decisions"]
            assert space.canonical_id(architecture) == sample["canonical_id"]
            network = space.build(architecture)
            assert sum(p.numel() for p in network.parameters()) == sample["params"]

    def test_parameters(self, nas: Nas) -> None:
        document = json.loads(nas("space", "nas201", *SMALL, "--json").out)
        assert document["sample"]["params"] < 50_000

    def test_conditions_in_words(self, nas: Nas) -> None:
        out = nas("space", "mlp").out
        assert re.search(r"width_4 +categorical +.* depth is 4\s", out)

    def test_csv_has_the_decisions(self, nas: Nas) -> None:
        rows = list(csv.DictReader(io.StringIO(nas("space", "mlp", "--csv").out)))
        decisions = api.space("mlp").decisions
        assert [row["name"] for row in rows] == [d.name for d in decisions]
        assert [json.loads(row["values"]) for row in rows] == [list(d.values) for d in decisions]

    def test_one_that_cannot_be_built_says_why(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(PROXIES)
        seeds = [nas("space", "widths", "--plugin", "mine.py", "--seed", s).out for s in range(12)]
        assert any("cannot be built: ValueError: five cannot be built" in out for out in seeds)
        assert any(re.search(r"parameters +\d", out) for out in seeds)

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["nas200"], "Did you mean 'nas201'"),
            (["nas201", "--set", "cell=3"], "Did you mean 'cells'"),
            (["nas201", "--set", "cells=0"], "cells must be"),
            (["nas201", "--set", "cells"], "key=value"),
            (["nas201", "--plugin", "absent.py"], "absent.py"),
        ],
    )
    def test_mistakes(self, nas: Nas, words: list[str], named: str) -> None:
        done = nas("space", *words)
        assert (done.code, done.out) == (2, "")
        assert named in done.err


class TestScore:
    def test_best_first_with_what_it_must_beat(self, nas: Nas) -> None:
        words = ("score", "nas201", "--proxy", "gradsign", "--proxy", "params", *SMALL)
        document = json.loads(nas(*words, "--n", 4, "--batch", 8, "--json").out)
        assert document["data"] == "digits"
        assert document["batch"] == {"gradsign": 8}
        rows = document["architectures"]
        scores = [row["proxy:gradsign"] for row in rows]
        assert scores == sorted(scores, reverse=True)
        assert [row["proxy:params"] for row in rows] == [row["params"] for row in rows]
        assert len({row["canonical_id"] for row in rows}) == 4
        space = api.space("nas201", cells=1, channels=4, input_shape=[1, 8, 8])
        for row in rows:
            network = space.build(space.parse(row["architecture"]))
            assert sum(p.numel() for p in network.parameters()) == row["params"]

    def test_the_same_seed_gives_the_same_scores(self, nas: Nas) -> None:
        words = ("score", "nas201", "--proxy", "gradsign", *SMALL, "--n", 2, "--batch", 4, "--csv")
        assert nas(*words).out == nas(*words).out
        assert nas(*words).out != nas(*words, "--seed", 1).out

    def test_no_data_is_loaded_where_none_is_needed(self, nas: Nas) -> None:
        done = nas("score", "mlp", "--proxy", "params", "--n", 3, "--data", "no_such", "--json")
        assert done.code == 0
        assert json.loads(done.out)["data"] is None
        assert nas("score", "mlp", "--proxy", "gradsign", "--data", "no_such").code == 2

    def test_failures_are_listed_as_such(self, nas: Nas, tmp_path: Path) -> None:
        (tmp_path / "mine.py").write_text(PROXIES)
        done = nas("score", "widths", "--proxy", "shy", "--plugin", "mine.py", "--n", 9)
        assert done.code == 0
        assert done.out.startswith("5 architectures of widths\n")
        assert "9 were asked for: no more different ones were found" in done.out
        assert "shy: three is too many" in done.out
        assert "five cannot be built" in done.out
        shown = re.findall(r'^ *(\d|-) .*\{"width":(\d)\}', done.out, re.MULTILINE)
        assert [score for score, _ in shown] == ["4", "2", "1", "-", "-"]

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            (["mlp", "--proxy", "param"], "Did you mean 'params'"),
            (["mpl", "--proxy", "params"], "Did you mean 'mlp'"),
            (["mlp"], "--proxy"),
            (["mlp", "--proxy", "params", "--n", "0"], "--n"),
        ],
    )
    def test_mistakes(self, nas: Nas, words: list[str], named: str) -> None:
        done = nas("score", *words)
        assert (done.code, done.out) == (2, "")
        assert named in done.err


class TestPlugins:
    def test_every_component_has_a_line(self, nas: Nas) -> None:
        out = nas("plugins").out
        listed = json.loads(nas("plugins", "--json").out)
        assert {"nas201", "mlp", "gradsign"} <= {c["name"] for c in listed["components"]}
        for component in listed["components"]:
            assert re.search(rf"^(?:\w+)? +{component['name']} +", out, re.MULTILINE), component
        for plugin in listed["plugins"]:
            assert re.search(rf"^(?:✗ )?{plugin['name']}\b.*{plugin['version']}", out, re.MULTILINE)

    def test_proxies_say_what_they_look_at(self, nas: Nas) -> None:
        components = json.loads(nas("plugins", "--json").out)["components"]
        known = {c["name"]: c for c in components if c["kind"] == "proxy"}
        assert known["synflow"]["needs_data"] is False
        assert known["naswot"]["needs_targets"] is False
        assert known["gradsign"]["formula"].startswith("sum over weights of |sum over samples")
        assert known["gradsign"]["cost"] == 1

    def test_a_plugin_file(self, nas: Nas) -> None:
        listed = json.loads(nas("plugins", "--plugin", TOY, "--json").out)
        (source,) = (p for p in listed["plugins"] if p["name"] == "toy")
        assert source["distribution"] == "(file)"
        assert source["version"].startswith("sha256:")
        own = [c["full_name"] for c in listed["components"] if c["plugin"] == "toy"]
        assert "toy:tally" in own

    def test_one_name_of_two_plugins_is_shown_in_full(self, nas: Nas, tmp_path: Path) -> None:
        source = PROXIES.replace('"widths"', '"mlp"')
        (tmp_path / "mine.py").write_text(source)
        out = nas("plugins", "--plugin", "mine.py").out
        assert "mine:mlp" in out
        assert "mlp:mlp" in out
        done = nas("space", "mlp", "--plugin", "mine.py")
        assert done.code == 2
        assert "ambiguous" in done.err
