"""Spaces that each break one law: the one that they are named after."""

from __future__ import annotations

import itertools
import random

import networkx as nx
import torch
from torch import nn

import nas

_BUILT = itertools.count()


class Good(nas.Space):
    """Breaks nothing."""

    input_shape, classes = (6,), 3

    @property
    def decisions(self):
        return [
            nas.Integer("width", 2, 6, step=2),
            nas.Categorical("layers", [1, 2]),
            nas.Categorical("bias", [True, False]),
        ]

    def build(self, architecture):
        width = architecture["width"]
        hidden = [nn.Linear(6, width, bias=architecture["bias"]), nn.Tanh()]
        if architecture["layers"] == 2:
            hidden += [nn.Linear(width, width), nn.Tanh()]
        return nn.Sequential(*hidden, nn.Linear(width, self.classes))


class Restless(Good):
    calls = 0

    @property
    def decisions(self):
        self.calls += 1
        return super().decisions[: 3 if self.calls < 2 else 2]


class Outside(Good):
    def sample(self, rng):
        found = super().sample(rng)
        return nas.Architecture({**found, "width": 7}) if found["width"] == 6 else found


class Idle(Good):
    def mutate(self, architecture, rng):
        return architecture if architecture["width"] > 2 else super().mutate(architecture, rng)


class Shifted(Good):
    def decode(self, encoding):
        found = super().decode(encoding)
        if found["layers"] == 2 and found["width"] == 4:
            return self.architecture({**found, "bias": True})
        return found


class Rounded(Good):
    def format(self, architecture):
        return f"{architecture['width']}x{architecture['layers']}"

    def parse(self, text):
        width, layers = map(int, text.split("x"))
        return self.architecture({"width": width, "layers": layers, "bias": True})


class Numbered(Good):
    def __init__(self):
        self.salt = next(_BUILT)

    def canonical_form(self, architecture):
        return f"{super().canonical_form(architecture)} {self.salt}"


class Blurred(Good):
    def canonical_form(self, architecture):
        return f"{architecture['layers']}"


class Wide(Good):
    def build(self, architecture):
        network = super().build(architecture)
        return nn.Sequential(network, nn.Linear(3, 4)) if architecture["width"] == 4 else network


class Peeking(Good):
    def build(self, architecture):
        network = super().build(architecture)
        assert network[0].weight.abs().max().item() < 10
        return network


class Unseeded(Good):
    def build(self, architecture):
        network = super().build(architecture)
        if architecture["layers"] == 2 and network[0].weight.device.type != "meta":
            with torch.no_grad():
                network[0].weight.mul_(random.SystemRandom().random())
        return network


class Cyclic(Good):
    def graph(self, architecture):
        graph = nx.DiGraph()
        graph.add_nodes_from([(0, {"label": "in"}), (1, {"label": "out"})])
        graph.add_edge(0, 1, label="")
        if architecture["layers"] == 2:
            graph.add_edge(1, 0, label="")
        return graph


class Misprinted(Good):
    def source(self, architecture):
        width, two = architecture["width"], architecture["layers"] == 2
        bias = True if width < 6 else architecture["bias"]
        between = f"nn.Linear({width}, {width}), nn.Tanh()," if two else ""
        activation = "nn.ReLU()" if width == 4 else "nn.Tanh()"
        code = f"""
class Network(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Linear(6, {width}, bias={bias}), {activation}, {between} nn.Linear({width}, 3)
        )
"""
        return nas.NetworkSource(code, {})


@nas.hookimpl
def nas_search_spaces():
    broken = {
        "decisions-stay-the-same": Restless,
        "samples-are-members": Outside,
        "mutants-differ-and-stay-inside": Idle,
        "decode-inverts-encode": Shifted,
        "text-and-json-round-trip": Rounded,
        "canonical-id-is-stable": Numbered,
        "one-id-is-one-network": Blurred,
        "builds-what-it-declares": Wide,
        "counts-without-building": Peeking,
        "the-seed-decides": Unseeded,
        "its-graph-is-a-labelled-dag": Cyclic,
        "its-source-is-the-network": Misprinted,
    }
    return [nas.Component(name, build, "broken") for name, build in broken.items()]
