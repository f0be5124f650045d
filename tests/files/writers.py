"""Spaces that know nothing of exporters or too little, and an exporter that lies on demand."""

import time
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import nn

import nas

CODE = """
class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(9, 4)
        self.last = nn.Linear(4, 3)

    def forward(self, x):
        return self.last(torch.relu(self.hidden(x)))
"""
NAMES = {"0": "hidden", "2": "last"}
SOURCES = {
    "right": (CODE, NAMES),
    "imports": ("import nas.networks\n" + CODE, NAMES),
    "syntax": ("class Network(\n", NAMES),
    "shape": (CODE.replace("4", "5"), NAMES),
    "name": (CODE, {}),
    "wrong": (CODE.replace("relu", "tanh"), NAMES),
    "hidden": ("__import__('nas')\n" + CODE, NAMES),
    "dies": ("import os\nos._exit(1)\n" + CODE, NAMES),
}


class Branching(nn.Sequential):
    def forward(self, inputs):
        return super().forward(inputs) if inputs.sum() > 0 else -super().forward(inputs)


class Broken(nn.Sequential):
    def forward(self, inputs):
        return super().forward(inputs) / 0


@dataclass(frozen=True)
class Plain(nas.Space):
    """Has what a space must have."""

    branches: bool = False
    nan: bool = False
    tied: bool = False

    input_shape = (9,)
    classes = 3
    decisions = (nas.Categorical("one", [1, 2]),)

    def build(self, architecture):
        kind = Branching if self.branches else Broken if self.nan else nn.Sequential
        if self.tied:
            layer = nn.Linear(9, 9)
            return kind(layer, nn.ReLU(), layer, nn.Linear(9, 3))
        return kind(nn.Linear(9, 4), nn.ReLU(), nn.Linear(4, 3))


@dataclass(frozen=True)
class Sourced(Plain):
    mode: str = "right"

    def source(self, architecture):
        return nas.NetworkSource(*SOURCES[self.mode])


@dataclass(frozen=True)
class State(nas.Exporter):
    """The network's last layer's worth of numpy arrays."""

    mode: str = "honest"
    suffix: ClassVar[str] = ".npz"

    def write(self, found, path):
        if self.mode == "raises":
            raise ZeroDivisionError
        if self.mode == "unwritten":
            return
        if self.mode == "network":
            with torch.no_grad():
                next(found.network.parameters()).add_(1.0)
        state = {name: value.numpy() for name, value in found.network.state_dict().items()}
        np.savez(path, **state)
        if self.mode == "interrupted":
            path.with_name("beside.txt").write_text("half")
            raise KeyboardInterrupt
        if self.mode == "sleeps":
            path.with_name("beside.txt").write_text("half")
            time.sleep(60)

    def load(self, path, found):
        if self.mode == "unloadable":
            raise RuntimeError("no")
        if self.mode == "interrupted while loading":
            raise KeyboardInterrupt
        with np.load(path) as state:
            found.network.load_state_dict({name: torch.from_numpy(v) for name, v in state.items()})
        return lambda inputs: self.run(found.network, inputs)

    def run(self, network, inputs):
        assert self.mode != "batch" or len(inputs) == 1, "one at a time"
        logits = network(torch.from_numpy(inputs)).detach().numpy()
        changes = {"noise": logits + 1, "nan": logits * np.nan, "shape": logits[:, :2]}
        if self.mode == "rounds":
            return logits + 1e-6 * np.abs(logits).max()
        return changes.get(self.mode, logits)


@nas.hookimpl
def nas_search_spaces():
    return [nas.Component("plain", Plain, "for tests"), nas.Component("sourced", Sourced, "too")]


@nas.hookimpl
def nas_exporters():
    return [nas.Component("state", State, "for tests"), nas.Component("nothing", Branching, "no")]
